/** The way of all transfers of a process, as its operator has set it. */
import { ADAPTIVE, fixedConnections } from './adaptive-connections.ts';
import { Bandwidth } from './bandwidth.ts';
import { TransferFlow } from './transfer-flow.ts';

export interface TransferSettings {
  /** Requests in flight at once, always; unless given, as many as help. */
  readonly connections?: number | undefined;
  /** For what is on its way from the network to the disk. */
  readonly memoryMiB: number;
  /** Of all transfers together; unless given, what there is. */
  readonly megabitsPerSecond?: number | undefined;
}

export interface Transfers {
  readonly flow: TransferFlow;
  /** Most connections at once. */
  readonly connections: number;
  readonly bandwidth: Bandwidth | undefined;
}

export function openTransfers({ connections, memoryMiB, megabitsPerSecond }: TransferSettings): Transfers {
  const bounds = connections === undefined ? ADAPTIVE : fixedConnections(connections);
  return {
    flow: new TransferFlow({ connections: bounds, memoryBytes: memoryMiB * 1024 * 1024 }),
    connections: bounds.mostOnMisses,
    bandwidth: megabitsPerSecond === undefined ? undefined : new Bandwidth((megabitsPerSecond * 1e6) / 8),
  };
}
