/** What an agent is to do: the wish as it is now, and the image. */
import type { Job } from '#shared/api.ts';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { DeploymentStore, ImageStore } from '../ports.ts';

/** A deployment at this very site. Throws NOT_FOUND for one of another site, too. */
export async function findDeploymentAt(
  siteId: string,
  deploymentId: string,
  deployments: DeploymentStore,
): Promise<Deployment> {
  const deployment = await deployments.find(deploymentId);
  if (deployment?.siteId !== siteId) {
    throw new EdgebootError('NOT_FOUND', `there is no deployment ${deploymentId} at ${siteId}`);
  }
  return deployment;
}

/** Throws NOT_FOUND. */
export async function readJob(
  siteId: string,
  deploymentId: string,
  ports: { readonly deployments: DeploymentStore; readonly images: ImageStore },
): Promise<Job> {
  const deployment = await findDeploymentAt(siteId, deploymentId, ports.deployments);
  const image = await ports.images.findVersion(deployment.imageId, deployment.imageVersion);
  if (image === undefined) throw new EdgebootError('NOT_FOUND', 'the image of this deployment is gone');
  return { deployment, image };
}
