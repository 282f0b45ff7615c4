/** Turns a cluster's nodes off. Its address, private network and disks stay (formats, section 6); start.ts turns it on again. */
import type { ClusterPorts } from './clusters.ts';
import { type HoldPorts, holdOwnCluster } from './hold-cluster.ts';

/**
 * @param graceSeconds for the guests to end well. Throws NOT_FOUND, FORBIDDEN, CONFLICT while another command works on it; the signal's
 *   reason when it is aborted.
 */
export async function shutdown(
  name: string,
  graceSeconds: number,
  signal: AbortSignal,
  ports: ClusterPorts & HoldPorts,
): Promise<void> {
  await using held = await holdOwnCluster(name, ports);
  await ports.hypervisor.stop(held.cluster.plan, graceSeconds, signal);
}
