/** The rules for new deployments, asked again of one that is there and wants more: time, or to be on. */
import type { AuditAction } from '#shared/audit.ts';
import type { Deployment } from '#shared/deployment.ts';
import type { Quota } from '#shared/site-access.ts';
import { authorizeDeployer, findSite } from './deployment-rights.ts';
import { denyRecalled, findImage } from './find-image.ts';
import type { Member } from './http/identity.ts';
import type { WishPorts } from './new-wish.ts';
import type { ImageStore } from './ports.ts';

export interface AuthorizeAgainPorts extends WishPorts {
  readonly images: ImageStore;
}

/** Answers how much the member may have there. Throws FORBIDDEN, IMAGE_RECALLED, VETOED, SITE_DRAINING, NOT_FOUND, each on record. */
export async function authorizeAgain(
  member: Member,
  deployment: Deployment,
  action: AuditAction,
  ports: AuthorizeAgainPorts,
): Promise<Quota> {
  const site = await findSite(deployment.siteId, ports.sites);
  const quota = await authorizeDeployer(member, deployment, site, action, ports);
  await findImage(member, deployment.imageName, action, ports);
  await denyRecalled(deployment, askedBy(member, deployment, action), ports);
  return quota;
}

/** What a record of it says, whatever becomes of it. */
export function askedBy(
  { memberId }: Member,
  { deploymentId, siteId, imageId }: Deployment,
  action: AuditAction,
): { actor: string; action: AuditAction; deploymentId: string; siteId: string; imageId: string } {
  return { actor: `member:${memberId}`, action, deploymentId, siteId, imageId };
}
