/** What a number means depends on where it was measured. */
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';

export function machineFacts(): Readonly<Record<string, string | number>> {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    architecture: arch(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
  };
}
