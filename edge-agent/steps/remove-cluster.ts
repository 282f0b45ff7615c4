/** Removes what a cluster has at this site. Every piece may be missing already: this is also how half-made clusters are cleared. */
import type { ClusterFiles, ClusterIdentity, HypervisorDriver, Journal, UserDataChannel } from '../ports.ts';

export interface RemovePorts {
  readonly hypervisor: HypervisorDriver;
  readonly clusterFiles: ClusterFiles;
  readonly userData: UserDataChannel;
  readonly journal: Journal;
}

/** Domains, network, overlays; last the journal's entry, which holds the address. Throws HYPERVISOR_BUSY. */
export async function removeCluster(cluster: ClusterIdentity, ports: RemovePorts): Promise<void> {
  await clearNodes(cluster, ports);
  await ports.journal.remove(cluster.deploymentId);
}

/** Domains, network and overlays only: the cluster keeps its place at the site. */
export async function clearNodes({ siteId, deploymentId }: ClusterIdentity, ports: RemovePorts): Promise<void> {
  await ports.hypervisor.destroy({ siteId, deploymentId });
  const directory = ports.clusterFiles.directoryOf(deploymentId);
  await ports.userData.close({ deploymentId, directory });
  await ports.clusterFiles.removeDirectory(deploymentId);
}
