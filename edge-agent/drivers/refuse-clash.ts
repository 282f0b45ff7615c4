/** Two interfaces with one address on the same wire would both work a little: no guest is started into that. */
import { EdgebootError } from '#shared/errors.ts';
import type { NodePlan } from '../ports.ts';

export interface TakenAddresses {
  /** Who has them, for a person. */
  readonly owner: string;
  readonly macAddresses: readonly string[];
}

/** @throws EdgebootError BOOT_FAILED where another node of ours has one of the node's MAC addresses. */
export function refuseClash(node: NodePlan, taken: readonly TakenAddresses[]): void {
  const wanted = new Set(node.interfaces.map(({ macAddress }) => macAddress));
  for (const { owner, macAddresses } of taken) {
    const clash = macAddresses.find((macAddress) => wanted.has(macAddress));
    if (clash === undefined) continue;
    throw new EdgebootError('BOOT_FAILED', `${owner} has the MAC address ${clash} of ${node.name} already`, {
      remedy: 'Destroy one of the two clusters, then deploy again.',
    });
  }
}
