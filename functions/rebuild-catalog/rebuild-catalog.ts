/**
 * The catalog from the bucket, after its rows were lost: what each manifest says, once its publisher's signature is checked, and no
 * more. Nothing that is there is changed, so that it can be run again. What only the rows knew is gone: sharing (what is restored is
 * for its owner alone), channels, deprecations, and those recalls and deletions whose gates were lost, too.
 */
import type { Image } from '#shared/api/images.ts';
import { hasCode } from '#shared/errors.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { ImageBucket, ImageStore, OutboxEntry, PublisherStore } from '../ports.ts';
import { describeVersion } from '../publish-image/publish-image.ts';
import { readManifests, type SignedVersion } from './read-manifests.ts';

export interface RebuildCatalogPorts {
  readonly images: ImageStore;
  readonly bucket: ImageBucket;
  readonly publishers: PublisherStore;
  readonly rootPublicKeyPem: string;
  readonly now: () => Date;
}

export interface Rebuilt {
  /** Images by name, versions as NAME@VERSION. */
  readonly restored: readonly string[];
  /** What was found and not restored, and why. */
  readonly left: readonly LeftOut[];
}

export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

/** Throws SERVICE_UNAVAILABLE, and what AWS's clients throw: what is restored by then stays. */
export async function rebuildCatalog(ports: RebuildCatalogPorts): Promise<Rebuilt> {
  const certificates = await ports.publishers.listCertificates();
  const restored: string[] = [];
  const left: LeftOut[] = [];
  for (const imageId of await ports.bucket.listImages()) {
    const read = await readManifests(imageId, certificates, ports);
    left.push(...read.left);
    const image = await restoreImage(imageId, read.versions, { restored, left }, ports);
    if (image === undefined) continue;
    const inOrder = read.versions.toSorted((a, b) => a.manifest.version - b.manifest.version);
    for (const [version, found] of Map.groupBy(inOrder, ({ manifest }) => manifest.version)) {
      await restoreVersion(image, version, found, { restored, left }, ports);
    }
  }
  return { restored, left };
}

interface Results {
  readonly restored: string[];
  readonly left: LeftOut[];
}

/** The image as it stands in the catalog afterwards; `undefined` where nobody can say what it was. */
async function restoreImage(
  imageId: string,
  versions: readonly SignedVersion[],
  { restored, left }: Results,
  ports: RebuildCatalogPorts,
): Promise<Image | undefined> {
  const image = (await ports.images.findById(imageId)) ?? imageOf(versions);
  if (image === undefined) return undefined;
  try {
    const isNew = await ports.images.restoreImage(image, [restoring(image, image.imageName, ports)]);
    if (isNew) restored.push(image.imageName);
    return image;
  } catch (error) {
    if (!hasCode(error, 'CONFLICT')) throw error;
    left.push({ what: `image ${imageId}`, why: error.message });
    return undefined;
  }
}

/** Only the owner of an image can publish a version of it. */
function imageOf(versions: readonly SignedVersion[]): Image | undefined {
  const newest = versions.toSorted((a, b) => b.manifest.version - a.manifest.version)[0];
  if (newest === undefined) return undefined;
  const { imageId, imageName, version } = newest.manifest;
  const createdAt = versions.map(({ manifest }) => manifest.createdAt).sort()[0] ?? newest.manifest.createdAt;
  return {
    imageId,
    imageName,
    ownerId: newest.memberId,
    latestVersion: version,
    createdAt,
    sharing: { with: 'owner' },
  };
}

async function restoreVersion(
  image: Image,
  version: number,
  found: readonly SignedVersion[],
  { restored, left }: Results,
  ports: RebuildCatalogPorts,
): Promise<void> {
  const what = `${image.imageName}@${version}`;
  const [one, ...others] = found;
  if (one === undefined || (await ports.images.findVersion(image.imageId, version)) !== undefined) return;
  const why = reasonAgainst(image, one, others.length);
  if (why !== undefined) return void left.push({ what, why });
  const { manifest, memberId, certificate, manifestSha256, manifestSizeBytes } = one;
  const publishedAt = new Date(manifest.createdAt);
  const row = describeVersion(memberId, certificate, manifestSha256, manifestSizeBytes, manifest, publishedAt);
  try {
    if (await ports.images.restoreVersion(row, [restoring(image, what, ports)])) restored.push(what);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_RECALLED', 'NOT_FOUND')) throw error;
    left.push({ what, why: error.code === 'NOT_FOUND' ? 'it was deleted' : 'it was recalled' });
  }
}

function reasonAgainst(image: Image, { manifest, memberId }: SignedVersion, others: number): string | undefined {
  if (others > 0) return `${others + 1} manifests say that they are this version: nobody knows which was published`;
  if (manifest.imageName !== image.imageName) return `its manifest is of an image called ${manifest.imageName}`;
  if (memberId !== image.ownerId) return `${memberId} signed it, and ${image.ownerId} owns the image`;
  if (manifest.version > image.latestVersion)
    return `it was never published: the catalog ends at ${image.latestVersion}`;
  return undefined;
}

function restoring({ imageId }: Image, reason: string, { now }: RebuildCatalogPorts): OutboxEntry {
  const record = { actor: 'rebuild', action: 'image.restore', decision: 'allow', imageId, reason } as const;
  return auditEntry(now().toISOString(), record);
}
