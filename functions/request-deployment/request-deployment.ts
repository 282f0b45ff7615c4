/**
 * THE CLOUD FLOW. A member asks for a cluster; the site's agent finds the job in its queue.
 *
 *   find the image and the site → authorize → mint URLs → commit (row, quota, audit, message: one transaction) → deliver
 */
import type { ImageVersion } from '#shared/api/images.ts';
import type { Deployment, Desired } from '#shared/deployment.ts';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { Grant } from '#shared/grant.ts';
import { ulid } from 'ulid';
import { type DeploymentRequest, firstWish, memoryOf } from '../deployment-request.ts';
import { authorizeDeployer } from '../deployment-rights.ts';
import { findUsableVersion } from '../find-image.ts';
import { findSiteFor } from '../find-site.ts';
import { idempotencyKeyOf } from '../http/idempotency-key.ts';
import type { Member } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry, messageEntry } from '../outbox/entries.ts';
import type { DeploymentStore, ImageStore, SiteRecord, SiteStore, UrlSigner } from '../ports.ts';
import { limitBy, withinQuota } from './within-quota.ts';

export interface RequestDeploymentPorts extends DeliveryPorts {
  readonly images: ImageStore;
  readonly sites: SiteStore;
  readonly deployments: DeploymentStore;
  readonly urlSigner: UrlSigner;
  readonly now: () => Date;
}

const ACTION = 'deployment.request';

/**
 * Accepts a deployment. With an idempotency key, asking again answers the deployment that was made the first time.
 * Throws NOT_FOUND, FORBIDDEN, IMAGE_RECALLED, VETOED, SITE_DRAINING, QUOTA_EXCEEDED, NO_CAPACITY (at any site),
 * INVALID_REQUEST, IDEMPOTENCY_MISMATCH, SERVICE_UNAVAILABLE.
 */
export async function requestDeployment(
  member: Member,
  request: DeploymentRequest,
  idempotencyKey: string | undefined,
  ports: RequestDeploymentPorts,
): Promise<Deployment> {
  const key = idempotencyKeyOf(member, idempotencyKey, request);
  const earlier = key && (await ports.deployments.findMade(key, ports.now().toISOString()));
  if (earlier) return earlier;

  const image = await findUsableVersion(member, request, ACTION, ports);
  const site = await siteFor(member, image, request, ports);
  const quota = await authorizeDeployer(member, image, site, ACTION, ports);
  const desired = firstWish(request);
  requireComputeImage(image, desired.computes);
  const wished = newDeployment(member, { ...request, desired }, image, site, ports.now());
  // Before anything is minted; whether there still is room then, the transaction says.
  const { siteId, imageId } = wished;
  const asked = { actor: `member:${member.memberId}`, action: ACTION, siteId, imageId } as const;
  const deployment = await withinQuota(asked, () => limitBy(quota, wished, request.hours, ports.deployments), ports);

  const grant = await ports.urlSigner.mint({ imageId, egressAddress: site.egressAddress });
  const outbox = announce(deployment, site, grant);
  const create = () => ports.deployments.create(deployment, firstEvent(deployment), outbox, key, quota, member);
  const accepted = await withinQuota(asked, create, ports);

  if (accepted.deploymentId === deployment.deploymentId) await deliverOutbox(outbox, ports);
  return accepted;
}

/** Throws INVALID_REQUEST. */
export function requireComputeImage(image: ImageVersion, computes: number): void {
  if (computes > 0 && image.diskSizeBytes.compute === undefined) {
    throw new EdgebootError('INVALID_REQUEST', `the image ${image.imageName} has no compute disk`, {
      remedy: 'Ask for 0 computes, or for an image with computes.',
    });
  }
}

/** That no site takes it is on record. Throws NOT_FOUND, FORBIDDEN, NO_CAPACITY. */
async function siteFor(
  member: Member,
  image: ImageVersion,
  request: DeploymentRequest,
  ports: RequestDeploymentPorts,
): Promise<SiteRecord> {
  try {
    return await findSiteFor(member, image, request, ports);
  } catch (error) {
    if (!hasCode(error, 'FORBIDDEN', 'NO_CAPACITY')) throw error;
    const record = { actor: `member:${member.memberId}`, action: ACTION, imageId: image.imageId } as const;
    throw await deny(ports, { ...record, reason: error.message }, error);
  }
}

function newDeployment(
  member: Member,
  request: DeploymentRequest & { readonly desired: Desired },
  image: ImageVersion,
  { siteId }: SiteRecord,
  now: Date,
): Deployment {
  return {
    deploymentId: ulid(now.getTime()),
    memberId: member.memberId,
    siteId,
    imageId: image.imageId,
    imageName: image.imageName,
    imageVersion: image.version,
    manifestSha256: image.manifestSha256,
    ...(image.deprecation && { imageDeprecated: image.deprecation.reason }),
    sshPublicKeys: request.sshPublicKeys,
    memoryMiB: memoryOf(request),
    ...(request.extraInterfaces && { extraInterfaces: [...new Set(request.extraInterfaces)] }),
    desired: request.desired,
    phase: 'ACCEPTED',
    version: 1,
    auditSequence: 1,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
    progressedAt: now.toISOString(),
  };
}

function announce(deployment: Deployment, site: SiteRecord, grant: Grant) {
  const { deploymentId, siteId, imageId, createdAt } = deployment;
  const { generation } = deployment.desired;
  const actor = `member:${deployment.memberId}`;
  return [
    messageEntry(createdAt, site.queueUrl, { schemaVersion: 1, deploymentId, generation, grant }),
    auditEntry(createdAt, {
      actor,
      action: ACTION,
      decision: 'allow',
      deploymentId,
      sequence: deployment.auditSequence,
      siteId,
      imageId,
      reason: `${deployment.imageName}@${deployment.imageVersion}, ${sizeOf(deployment.desired)}; URLs until ${grant.expiresAt}`,
    }),
  ];
}

const sizeOf = ({ computes, cpusPerCompute }: Desired): string =>
  `${computes} computes${cpusPerCompute === 1 ? '' : ` of ${cpusPerCompute} CPUs`}`;

function firstEvent(deployment: Deployment) {
  return {
    deploymentId: deployment.deploymentId,
    sequence: deployment.version,
    at: deployment.createdAt,
    phase: deployment.phase,
    generation: deployment.desired.generation,
    actor: `member:${deployment.memberId}`,
    siteId: deployment.siteId,
  };
}
