/** Removes a cluster of this host, and the agent's own public network with the last one that needs it. */
import type { ClusterIdentity } from '../ports.ts';
import { clearNodes, type RemovePorts } from '../steps/remove-cluster.ts';

export interface ReleasePorts extends RemovePorts {
  readonly allocating: <T>(work: () => Promise<T>) => Promise<T>;
  /** Removes the public network where it is the agent's own. */
  readonly removePublicNetwork: () => Promise<void>;
}

/** The journal's entry goes last: as long as anything is left, the cluster can be found, and released again. */
export async function releaseCluster(cluster: ClusterIdentity, ports: ReleasePorts): Promise<void> {
  const { deploymentId } = cluster;
  await ports.allocating(async () => {
    await clearNodes(cluster, ports);
    const others = (await ports.journal.list()).filter((entry) => entry.deploymentId !== deploymentId);
    if (others.length === 0) await ports.removePublicNetwork();
    await ports.journal.remove(deploymentId);
  });
}
