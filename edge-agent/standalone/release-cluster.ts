/** Removes a cluster of this host, and the agent's own public network with the last one that needs it. */
import type { ClusterIdentity } from '../ports.ts';
import { removeCluster, type RemovePorts } from '../steps/remove-cluster.ts';

export interface ReleasePorts extends RemovePorts {
  readonly allocating: <T>(work: () => Promise<T>) => Promise<T>;
  /** Removes the public network where it is the agent's own. */
  readonly removePublicNetwork: () => Promise<void>;
}

export async function releaseCluster(cluster: ClusterIdentity, ports: ReleasePorts): Promise<void> {
  await ports.allocating(async () => {
    await removeCluster(cluster, ports);
    if ((await ports.journal.list()).length === 0) await ports.removePublicNetwork();
  });
}
