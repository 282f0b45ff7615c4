import type { ClusterIdentity, HypervisorDriver } from '../ports.ts';

/** Names of a cluster's nodes that are on. */
export async function runningNodes(
  { siteId, deploymentId }: ClusterIdentity,
  { hypervisor }: { readonly hypervisor: HypervisorDriver },
): Promise<ReadonlySet<string>> {
  const observed = (await hypervisor.observe(siteId)).find((one) => one.deploymentId === deploymentId);
  return new Set((observed?.nodes ?? []).filter(({ running }) => running).map(({ name }) => name));
}
