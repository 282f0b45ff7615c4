/** Valid rows of the model, to be varied by tests. */
import type { Image, ImageVersion } from '#shared/api/images.ts';
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import { accessForGroups } from '#shared/site-access.ts';
import type { Warming } from '#shared/warming.ts';
import { ulid } from 'ulid';
import { publicNetworkSchema } from '../../edge-agent/core/public-network.ts';
import type { SiteRecord } from '../../functions/ports.ts';

export const SSH_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChcJSXUMkJ7LmHYrbVyy3nSrZbcMxMDsB9pRzvRr member';
/** A site's, as its agent's configuration file has it. */
export const PUBLIC_NETWORK_SETTINGS = {
  libvirtNetwork: 'public',
  firstAddress: '192.0.2.10',
  lastAddress: '192.0.2.20',
  netmask: '255.255.255.0',
  gateway: '192.0.2.1',
  dnsServers: ['192.0.2.53'],
  domain: 'naist.example.org',
};

/** The same, as the agent knows it. */
export const PUBLIC_NETWORK = publicNetworkSchema([]).parse(PUBLIC_NETWORK_SETTINGS);

const AT = '2026-11-23T08:00:00.000Z';

export function sampleImage(changes: Partial<Image> = {}): Image {
  return { imageId: ulid(), imageName: 'hpc-base', ownerId: 'alice', latestVersion: 0, createdAt: AT, ...changes };
}

export function sampleImageVersion(image: Image, changes: Partial<ImageVersion> = {}): ImageVersion {
  return {
    imageId: image.imageId,
    imageName: image.imageName,
    version: image.latestVersion + 1,
    manifestSha256: 'a'.repeat(64),
    manifestSizeBytes: 1000,
    publisherId: 'alice',
    publisherCertificate: '{}',
    diskSizeBytes: { frontend: 1024 ** 3, compute: 1024 ** 3 },
    storedBytes: 1_000_000,
    parts: 3,
    createdAt: AT,
    ...changes,
  };
}

export function sampleSite(changes: Partial<SiteRecord> = {}): SiteRecord {
  const siteId = changes.siteId ?? 'naist';
  return {
    siteId,
    displayName: 'Nara',
    access: accessForGroups(['members']),
    operatorGroups: ['nara-operators'],
    createdAt: AT,
    enrolled: false,
    queueUrl: `http://127.0.0.1:1/000000000000/edgeboot-test-site-${siteId}`,
    queueArn: `arn:aws:sqs:us-east-1:000000000000:edgeboot-test-site-${siteId}`,
    ...changes,
  };
}

/** What rows of every kind of wish have in common. */
const sampleWish = () => ({
  memberId: 'alice',
  siteId: 'naist',
  imageId: ulid(),
  imageName: 'hpc-base',
  imageVersion: 1,
  manifestSha256: 'a'.repeat(64),
  phase: 'ACCEPTED' as const,
  version: 1,
  auditSequence: 1,
  createdAt: AT,
  updatedAt: AT,
  progressedAt: AT,
});

export function sampleDeployment(changes: Partial<Deployment> = {}): Deployment {
  return {
    deploymentId: ulid(),
    ...sampleWish(),
    sshPublicKeys: [SSH_KEY],
    memoryMiB: { frontend: 2048, compute: 2048 },
    desired: { power: 'on', computes: 2, cpusPerCompute: 1, generation: 1 },
    ...changes,
  };
}

export function sampleWarming(changes: Partial<Warming> = {}): Warming {
  return {
    warmingId: ulid(),
    ...sampleWish(),
    keep: false,
    ...changes,
  };
}

export function sampleEvent(deployment: Deployment): DeploymentEvent {
  return {
    deploymentId: deployment.deploymentId,
    sequence: deployment.version,
    at: deployment.updatedAt,
    phase: deployment.phase,
    generation: deployment.desired.generation,
    actor: `member:${deployment.memberId}`,
  };
}
