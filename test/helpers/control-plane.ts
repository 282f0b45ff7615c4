/** The control plane on in-memory stores that are held to the real ones' contract (test/contract/stores.test.ts). */
import { hash } from 'node:crypto';
import type { AuditRecord } from '#shared/audit.ts';
import type { Grant } from '#shared/grant.ts';
import type { Log } from '#shared/log-fields.ts';
import type { DeploymentMessage, SiteMessage, WarmingMessage } from '#shared/messages.ts';
import { accessForGroups } from '#shared/site-access.ts';
import { ulid } from 'ulid';
import { MemoryDeploymentStore } from './memory-stores/deployment-store.ts';
import { MemoryIdempotencyKeys } from './memory-stores/idempotency-keys.ts';
import { MemoryImageStore } from './memory-stores/image-store.ts';
import { MemoryOutbox } from './memory-stores/outbox.ts';
import { MemoryPublisherStore } from './memory-stores/publisher-store.ts';
import { MemorySiteStore } from './memory-stores/site-store.ts';
import { MemoryVersionUses } from './memory-stores/version-uses.ts';
import { MemoryWarmingStore } from './memory-stores/warming-store.ts';
import { sampleImage, sampleImageVersion, sampleSite, SSH_KEY } from './model-samples.ts';

export const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
export const ALICE = { memberId: 'alice', groups: ['members', 'publishers'] };
/** Operates the sample site. */
export const OSCAR = { memberId: 'oscar', groups: ['nara-operators'] };
export const MALLORY = { memberId: 'mallory', groups: ['members'] };

/** Of either kind. */
type Sent = Partial<
  Pick<DeploymentMessage, 'deploymentId' | 'generation' | 'grant'> & Pick<WarmingMessage, 'warmingId'>
>;

/** Two sites (`ucsd` is not for ALICE), two images (`no-computes` is what it says), and what left: messages and records. */
export async function controlPlane() {
  const outbox = new MemoryOutbox();
  const keys = new MemoryIdempotencyKeys();
  const uses = new MemoryVersionUses();
  const images = new MemoryImageStore(outbox, uses);
  const sites = new MemorySiteStore(outbox, keys);
  const sent: { queueUrl: string; message: Sent }[] = [];
  const trail: AuditRecord[] = [];
  /** Makes deliveries fail. */
  const broken = { queue: false, trail: false };
  let nowMs = Date.parse('2026-11-23T09:00:00.000Z');
  const image = await images.findOrCreate(sampleImage(), []);
  await images.addVersion(sampleImageVersion(image), []);
  const frontendOnly = await images.findOrCreate(sampleImage({ imageName: 'no-computes' }), []);
  const { frontend } = sampleImageVersion(image).diskSizeBytes;
  await images.addVersion(sampleImageVersion(frontendOnly, { diskSizeBytes: { frontend } }), []);
  for (const site of [sampleSite(), sampleSite({ siteId: 'ucsd', access: accessForGroups(['ucsd-only']) })]) {
    await sites.register(site, { sha256: ulid(), expiresAt: '2027-01-01T00:00:00.000Z' }, []);
  }
  const ports = {
    log: SILENT,
    now: () => new Date(nowMs),
    outbox,
    images,
    sites,
    deployments: new MemoryDeploymentStore(outbox, keys, uses),
    warmings: new MemoryWarmingStore(outbox, keys, uses),
    publishers: new MemoryPublisherStore(outbox),
    queues: {
      create: () => Promise.reject(new Error('not asked for here')),
      send: (queueUrl: string, message: SiteMessage) => {
        if (broken.queue) return Promise.reject(new Error('the queue is down'));
        sent.push({ queueUrl, message });
        return Promise.resolve();
      },
    },
    auditLog: {
      append: (records: readonly AuditRecord[]) => {
        if (broken.trail) return Promise.reject(new Error('the log group is gone'));
        trail.push(...records);
        return Promise.resolve();
      },
    },
    enrollmentSecrets: {
      derive: (registrationId: string) => Promise.resolve(hash('sha256', registrationId, 'base64url')),
    },
    urlSigner: {
      mint: ({ imageId }: { imageId: string }): Promise<Grant> =>
        Promise.resolve({
          schemaVersion: 1,
          baseUrl: 'https://d1.example.org',
          resource: `https://d1.example.org/images/${imageId}/*`,
          signedQuery: 'Policy=p&Signature=s&Key-Pair-Id=k&Hash-Algorithm=SHA256',
          expiresAt: new Date(nowMs + 900_000).toISOString(),
        }),
    },
  };
  return { ports, sent, trail, broken, image, pass: (milliseconds: number) => (nowMs += milliseconds) };
}

/** A request for a deployment that ALICE may make. */
export const wish = (changes = {}) => ({
  imageName: 'hpc-base',
  siteId: 'naist',
  computes: 2,
  sshPublicKeys: [SSH_KEY],
  ...changes,
});
/** What `assert.rejects` shall see. */
export const code = (expected: string) => ({ name: 'EdgebootError', code: expected });
