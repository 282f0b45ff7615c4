/** A pipeline is one command that fetches a disk: run once, from a clean state, and its output compared. */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { BenchImages } from '../images/bench-images.ts';
import type { BenchDisk } from '../images/native-image.ts';
import { requireSameContent } from '../images/scan-disk.ts';
import type { Network } from '../servers/bench-servers.ts';
import type { Transfers } from '../servers/transfer-log.ts';
import { type Command, type Cost, measure } from './measure.ts';
import { inCleanState, type Surroundings, type Work } from './surroundings.ts';

export interface Pipeline {
  readonly network: Network;
  /** What must come out. */
  readonly disk: (images: BenchImages) => BenchDisk;
  /** @param directory the pipeline's own, empty; @param output the disk to make, outside of it */
  readonly command: (around: Surroundings, directory: string, output: string) => Command;
}

export interface Run extends Cost {
  readonly allocatedBytes: number;
  /** By the server's own account. */
  readonly transfers: Transfers;
}

export function pipeline({ network, disk, command }: Pipeline): Work<Run> {
  return (around) =>
    inCleanState(around, async (folder) => {
      const directory = path.join(folder, 'work');
      await mkdir(directory);
      const output = path.join(folder, 'disk.raw');
      const { log } = around.servers.endpoints[network];
      await log.take();
      const { cost } = await measure(command(around, directory, output));
      const transfers = await log.take();
      const { blocks } = await stat(output);
      await requireSameContent(disk(around.images).file, output);
      return { ...cost, allocatedBytes: blocks * 512, transfers };
    });
}
