/** What a deployment asks of its site. Pure. */
import type { Deployment } from '#shared/deployment.ts';
import type { PlanRequest } from '../core/plan-cluster.ts';

export function planRequest(deployment: Deployment): PlanRequest {
  const { siteId, deploymentId, imageName, memoryMiB, sshPublicKeys, desired } = deployment;
  const computeCpus = Array.from({ length: desired.computes }, () => desired.cpusPerCompute);
  return { siteId, deploymentId, imageName, computeCpus, memoryMiB, sshPublicKeys };
}
