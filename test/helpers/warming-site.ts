/** A site whose agent warms: a real distribution on loopback, a published image, and the control plane on in-memory stores. */
import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { Grant } from '#shared/grant.ts';
import { imageObjectKey, type Manifest } from '#shared/image/manifest.ts';
import { issueCertificate } from '#shared/image/publisher-certificate.ts';
import { signManifest } from '#shared/image/signed-manifest.ts';
import { newKeyPair } from '#shared/keys.ts';
import { BaseImages } from '../../edge-agent/base-image/base-images.ts';
import { ensureDirectory } from '../../edge-agent/durable-files.ts';
import { handleWarming, type HandleWarmingPorts } from '../../edge-agent/handle-warming.ts';
import { openCloudFront } from '../../edge-agent/repositories/open-cloudfront.ts';
import { recordWarmingReport } from '../../functions/record-report/record-warming-report.ts';
import { readWarmingJob, renewWarmingUrls } from '../../functions/serve-warming/serve-warming.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import type { Intercept } from '../../local/distribution/edge-location.ts';
import { makeCompliantDisk } from './compliant-disk.ts';
import { ALICE, controlPlane, SILENT } from './control-plane.ts';
import { flowOf } from './flow.ts';
import { makeImageCache } from './image-cache.ts';
import { LOCATIONS, startOrigin, startViewer } from './loopback-distribution.ts';
import { sampleImageVersion } from './model-samples.ts';
import { cutSample, SAMPLE_IMAGE_ID } from './sample-disk.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const MIB = 1024 * 1024;
const DISK_BYTES = 64 * MIB;
/** Room for one part and a little. */
const MEMORY_BYTES = 9 * MIB;
const IMAGE_NAME = 'near-base';

/**
 * The nearest location is NRT.
 * @param intercept changes the edges' answers
 * @param apartMs how much farther each location is than the one before
 * @param retrySeconds how long an edge, and all of them, are asked again
 */
export async function warmingSite(
  t: TestContext,
  intercept: Intercept = (_request, answer) => answer,
  { apartMs = 30, retrySeconds = 5 } = {},
) {
  const temporary = await createTemporaryFolder();
  t.after(() => temporary[Symbol.asyncDispose]());
  const folder = temporary.path;
  const rawFile = path.join(folder, 'disk.raw');
  await makeCompliantDisk(
    rawFile,
    DISK_BYTES,
    [9, 20, 33, 50].map((mebibyte) => mebibyte * MIB + 7),
  );
  const handle = await open(rawFile);
  const sample = await cutSample(rawFile, handle, DISK_BYTES).finally(() => handle.close());

  const [root, publisher] = [newKeyPair(), newKeyPair()];
  const subject = { memberId: 'alice', publicKeyPem: publisher.publicKeyPem, notAfter: '2099-01-01T00:00:00Z' };
  const manifest: Manifest = {
    schemaVersion: 1,
    imageId: SAMPLE_IMAGE_ID,
    imageName: IMAGE_NAME,
    version: 1,
    createdAt: '2026-11-23T00:00:00Z',
    architecture: 'x86_64',
    // The same for both: what they share is fetched once.
    disks: { frontend: sample.disk, compute: sample.disk },
  };
  const envelope = signManifest(manifest, publisher.privateKeyPem);
  const manifestSha256 = hash('sha256', envelope);

  const origin = await startOrigin(t);
  for (const [key, content] of sample.objects) origin.objects.set(key, { content });
  origin.objects.set(imageObjectKey(SAMPLE_IMAGE_ID, 'manifests', manifestSha256), { content: envelope });
  const locations = LOCATIONS.map((location, i) => ({ ...location, latencyMs: apartMs * i }));
  const { distribution, sign } = await startViewer(t, origin.baseUrl, { locations, intercept });
  const grant = (seconds = 900): Grant => ({
    schemaVersion: 1,
    baseUrl: distribution.baseUrl,
    signedQuery: sign(SAMPLE_IMAGE_ID, seconds).slice(1),
    resource: `${distribution.baseUrl}/images/${SAMPLE_IMAGE_ID}/*`,
    expiresAt: new Date(Date.now() + seconds * 1000).toISOString(),
  });

  const plane = await controlPlane();
  const control = { ...plane.ports, urlSigner: { mint: () => Promise.resolve(grant()) } };
  const named = { imageId: SAMPLE_IMAGE_ID, imageName: IMAGE_NAME, ownerId: 'alice', latestVersion: 0 };
  const image = await control.images.findOrCreate({ ...named, createdAt: '2026-11-23T00:00:00Z' }, []);
  const publisherCertificate = issueCertificate(subject, root.privateKeyPem).toString();
  await control.images.addVersion(sampleImageVersion(image, { manifestSha256, publisherCertificate }), []);

  const cacheDirectory = path.join(folder, 'cache');
  const manifestDirectory = path.join(cacheDirectory, 'manifests');
  await ensureDirectory(manifestDirectory, 0o700);
  const resolvers = distribution.resolvers.map(({ server }) => server);
  const deleted: string[] = [];
  const ports: HandleWarmingPorts = {
    log: SILENT,
    api: {
      readWarming: (warmingId) => readWarmingJob('naist', warmingId, control),
      reportWarming: async (warmingId, report) => {
        await recordWarmingReport('naist', warmingId, report, control);
      },
      renewWarmingGrant: (warmingId) => renewWarmingUrls('naist', warmingId, control),
    },
    queue: {
      receive: () => Promise.resolve([]),
      extend: () => Promise.resolve(),
      delete: ({ messageId }) => Promise.resolve(void deleted.push(messageId)),
    },
    baseImages: new BaseImages({ cache: makeImageCache(cacheDirectory), unpackThreads: 2 }),
    flow: flowOf(8, MEMORY_BYTES),
    manifestDirectory,
    rootPublicKeyPem: root.publicKeyPem,
    openRepository: (grants, choice, signal) => {
      const retry = { firstDelaySeconds: 0.01, deadlineSeconds: retrySeconds };
      return openCloudFront({ grants, resolvers, connections: 8, retry, choice, signal });
    },
  };
  const ask = (keep = false) => warmImage(ALICE, { imageName: IMAGE_NAME, siteId: 'naist', keep }, undefined, control);
  const handleOnce = (warmingId: string, signal: AbortSignal, withGrant: Grant | undefined) => {
    const message = { schemaVersion: 1, warmingId, grant: withGrant } as const;
    const received = { messageId: warmingId, receiptHandle: 'r', body: '', receiveCount: 1, receivedAt: new Date() };
    return handleWarming(message, received, signal, ports);
  };
  return {
    ...{ origin, distribution, control, ports, sample, cacheDirectory, deleted, grant, ask, handleOnce },
    trail: plane.trail,
    /** Asked for and worked on to its end: the row. */
    async warm(keep = false) {
      const { warmingId } = await ask(keep);
      await handleOnce(warmingId, t.signal, grant());
      return control.warmings.find(warmingId);
    },
  };
}
