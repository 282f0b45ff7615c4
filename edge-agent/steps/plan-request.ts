/** What a deployment asks of its site. Pure. */
import type { Deployment } from '#shared/deployment.ts';
import type { SiteResources } from '../core/allocate.ts';
import { offeredNetworks, planExtraInterfaces } from '../core/extra-interfaces.ts';
import type { ClusterPlan, PlanRequest } from '../core/plan-cluster.ts';

/**
 * @param taken the clusters that hold addresses of extra networks already.
 * @throws EdgebootError FORBIDDEN where the site does not offer a network, NO_CAPACITY where one has no addresses left.
 */
export function planRequest(
  deployment: Deployment,
  { extraNetworks = {} }: Pick<SiteResources, 'extraNetworks'>,
  taken: readonly ClusterPlan[],
): PlanRequest {
  const { siteId, deploymentId, imageName, memoryMiB, sshPublicKeys, desired, extraInterfaces = [] } = deployment;
  const computeCpus = Array.from({ length: desired.computes }, () => desired.cpusPerCompute);
  const { networks, linkOf } = offeredNetworks(extraInterfaces, extraNetworks);
  return {
    ...{ siteId, deploymentId, imageName, computeCpus, memoryMiB, sshPublicKeys },
    extraInterfaces: planExtraInterfaces(networks, 1 + desired.computes, linkOf, taken),
  };
}
