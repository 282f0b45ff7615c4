/** Turns a cluster's nodes off. Its address, private network and disks stay (formats, section 6); start.ts turns it on again. */
import { type ClusterPorts, findOwnCluster } from './clusters.ts';

/** @param graceSeconds for the guests to end well. Throws NOT_FOUND, FORBIDDEN. */
export async function shutdown(name: string, graceSeconds: number, ports: ClusterPorts): Promise<void> {
  const { plan } = await findOwnCluster(name, ports);
  await ports.hypervisor.stop(plan, graceSeconds);
}
