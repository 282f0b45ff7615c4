/**
 * THE CLOUD FLOW. A member asks for a cluster; the site's agent finds the job in its queue.
 *
 *   find the image and the site → authorize → mint URLs → commit (row, audit, message: one transaction) → deliver
 */
import { createHash } from 'node:crypto';
import type { ImageVersion, requestDeploymentRequest } from '#shared/api.ts';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Grant } from '#shared/grant.ts';
import { ulid } from 'ulid';
import type * as z from 'zod';
import type { Member } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry, messageEntry } from '../outbox/entries.ts';
import type { DeploymentStore, ImageStore, SiteRecord, SiteStore, UrlSigner } from '../ports.ts';

export type DeploymentRequest = z.infer<typeof requestDeploymentRequest>;

export interface RequestDeploymentPorts extends DeliveryPorts {
  readonly images: ImageStore;
  readonly sites: SiteStore;
  readonly deployments: DeploymentStore;
  readonly urlSigner: UrlSigner;
  readonly now: () => Date;
}

/** What a node gets where nobody says otherwise: the original tool's default. */
const DEFAULT_MEMORY_MIB = 2048;

/**
 * Accepts a deployment. With an idempotency key, asking again answers the deployment that was made the first time.
 * Throws NOT_FOUND, FORBIDDEN, INVALID_REQUEST, IDEMPOTENCY_MISMATCH, SERVICE_UNAVAILABLE.
 */
export async function requestDeployment(
  member: Member,
  request: DeploymentRequest,
  idempotencyKey: string | undefined,
  ports: RequestDeploymentPorts,
): Promise<Deployment> {
  const image = await findImageVersion(request, ports.images);
  const site = await findSite(request.siteId, ports.sites);
  await authorize(member, image, site, ports);
  requireComputeImage(image, request.computes);

  const grant = await ports.urlSigner.mint({ imageId: image.imageId, egressAddress: site.egressAddress });
  const deployment = newDeployment(member, request, image, ports.now());
  const outbox = announce(deployment, site, grant);
  const accepted = await ports.deployments.create(
    deployment,
    firstEvent(deployment),
    outbox,
    idempotencyKey === undefined
      ? undefined
      : { memberId: member.memberId, key: idempotencyKey, requestSha256: digest(request) },
  );

  if (accepted.deploymentId === deployment.deploymentId) await deliverOutbox(outbox, ports);
  return accepted;
}

async function findImageVersion(request: DeploymentRequest, images: ImageStore): Promise<ImageVersion> {
  const image = await images.findByName(request.imageName);
  const number = request.imageVersion ?? image?.latestVersion ?? 0;
  const version = image && number > 0 ? await images.findVersion(image.imageId, number) : undefined;
  if (version === undefined) {
    const wanted = request.imageVersion === undefined ? '' : ` version ${request.imageVersion}`;
    throw new EdgebootError('NOT_FOUND', `there is no image ${request.imageName}${wanted}`, {
      remedy: 'See what there is: edgeboot image list.',
    });
  }
  return version;
}

async function findSite(siteId: string, sites: SiteStore): Promise<SiteRecord> {
  const site = await sites.find(siteId);
  if (site === undefined) {
    throw new EdgebootError('NOT_FOUND', `there is no site ${siteId}`, {
      remedy: 'See what there is: edgeboot site list.',
    });
  }
  return site;
}

async function authorize(member: Member, image: ImageVersion, site: SiteRecord, ports: RequestDeploymentPorts) {
  if (site.deployerGroups.some((group) => member.groups.includes(group))) return;
  throw await deny(ports, {
    actor: `member:${member.memberId}`,
    action: 'deployment.request',
    siteId: site.siteId,
    imageId: image.imageId,
    reason: `only members of ${site.deployerGroups.join(', ')} may deploy at ${site.siteId}`,
  });
}

function requireComputeImage(image: ImageVersion, computes: number): void {
  if (computes > 0 && image.diskSizeBytes.compute === undefined) {
    throw new EdgebootError('INVALID_REQUEST', `the image ${image.imageName} has no compute disk`, {
      remedy: 'Ask for 0 computes, or for an image with computes.',
    });
  }
}

function newDeployment(member: Member, request: DeploymentRequest, image: ImageVersion, now: Date): Deployment {
  return {
    deploymentId: ulid(now.getTime()),
    memberId: member.memberId,
    siteId: request.siteId,
    imageId: image.imageId,
    imageName: image.imageName,
    imageVersion: image.version,
    manifestSha256: image.manifestSha256,
    sshPublicKeys: request.sshPublicKeys,
    memoryMiB: request.memoryMiB ?? { frontend: DEFAULT_MEMORY_MIB, compute: DEFAULT_MEMORY_MIB },
    desired: { power: 'on', computes: request.computes, generation: 1 },
    phase: 'ACCEPTED',
    version: 1,
    auditSequence: 1,
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
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
      action: 'deployment.request',
      decision: 'allow',
      deploymentId,
      sequence: deployment.auditSequence,
      siteId,
      imageId,
      reason: `${deployment.imageName}@${deployment.imageVersion}, ${deployment.desired.computes} computes; URLs until ${grant.expiresAt}`,
    }),
  ];
}

function firstEvent(deployment: Deployment) {
  return {
    deploymentId: deployment.deploymentId,
    sequence: deployment.version,
    at: deployment.createdAt,
    phase: deployment.phase,
    generation: deployment.desired.generation,
    actor: `member:${deployment.memberId}`,
  };
}

const digest = (request: DeploymentRequest): string =>
  createHash('sha256').update(JSON.stringify(request)).digest('hex');
