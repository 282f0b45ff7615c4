/** What an agent is to do: the wish as it is now, and the image. */
import type { Job } from '#shared/api/agents.ts';
import type { ImageVersion } from '#shared/api/images.ts';
import type { AuditAction } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import type { DeploymentStore, ImageStore, PublisherStore } from '../ports.ts';
import { requireAtSite } from '../require-at-site.ts';

/** What every operation of an agent on a deployment needs. */
export interface SiteDeploymentPorts extends DeliveryPorts {
  readonly deployments: DeploymentStore;
  readonly now: () => Date;
}

export interface ReadJobPorts extends SiteDeploymentPorts {
  readonly images: ImageStore;
  readonly publishers: PublisherStore;
}

/** A deployment at this very site. Throws NOT_FOUND for one of another site, too; that one is audited. */
export async function findDeploymentAt(
  siteId: string,
  deploymentId: string,
  action: AuditAction,
  ports: SiteDeploymentPorts,
): Promise<Deployment> {
  const row = await ports.deployments.find(deploymentId);
  return requireAtSite(siteId, { subject: 'deployment', id: deploymentId }, row, action, ports);
}

/** Throws NOT_FOUND. */
export async function readJob(siteId: string, deploymentId: string, ports: ReadJobPorts): Promise<Job> {
  const deployment = await findDeploymentAt(siteId, deploymentId, 'job.read', ports);
  const image = await ports.images.findVersion(deployment.imageId, deployment.imageVersion);
  // Its use keeps a version from being deleted. An agent that is told NOT_FOUND would believe that nobody wants the cluster.
  if (image === undefined) throw new Error(`the image version of the deployment ${deploymentId} is not in the table`);
  return { deployment, image: await withPresentCertificate(image, ports.publishers) };
}

/** With the publisher's certificate as it is now: a renewed one keeps earlier versions deployable. */
export async function withPresentCertificate(image: ImageVersion, publishers: PublisherStore): Promise<ImageVersion> {
  const present = await publishers.findCertificate(image.publisherId);
  return { ...image, publisherCertificate: present ?? image.publisherCertificate };
}
