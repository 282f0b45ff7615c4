/**
 * A member publishes a version of an image: begin (get the image's id), upload what is missing, then complete: the manifest's
 * signature and the presence and size of every object are checked here before the version exists.
 */
import type { Image, ImageVersion, uploadsRequest, uploadsResponse } from '#shared/api/images.ts';
import type { AuditAction } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import { type DiskDescription, type Manifest } from '#shared/image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES, verifySignedManifest } from '#shared/image/signed-manifest.ts';
import { ulid } from 'ulid';
import type * as z from 'zod';
import { type Member, PUBLISHERS } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { ImageBucket, ImageStore, PublisherStore } from '../ports.ts';

export interface PublishImagePorts extends DeliveryPorts {
  readonly images: ImageStore;
  readonly bucket: Omit<ImageBucket, 'listImages'>;
  readonly publishers: PublisherStore;
  readonly rootPublicKeyPem: string;
  readonly now: () => Date;
}

/** The image of that name, made where there is none. Throws FORBIDDEN (no publisher; another member's image). */
export async function beginImage(member: Member, imageName: string, ports: PublishImagePorts): Promise<Image> {
  const there = await ports.images.findByName(imageName);
  await authorizePublisher(member, imageName, there, 'image.create', ports);
  if (there !== undefined) return there;

  const now = ports.now();
  const imageId = ulid(now.getTime());
  const createdAt = now.toISOString();
  const wished = { imageId, imageName, ownerId: member.memberId, latestVersion: 0, createdAt };
  const actor = `member:${member.memberId}`;
  const entry = auditEntry(createdAt, { actor, action: 'image.create', decision: 'allow', imageId, reason: imageName });
  const image = await ports.images.findOrCreate(wished, [entry]);
  if (image.imageId === imageId) await deliverOutbox([entry], ports);
  // Somebody else may have been faster.
  else await authorizePublisher(member, imageName, image, 'image.create', ports);
  return image;
}

/** Which of these objects are missing, and where to put them. Throws NOT_FOUND, FORBIDDEN. */
export async function presignUploads(
  member: Member,
  imageId: string,
  request: z.infer<typeof uploadsRequest>,
  ports: PublishImagePorts,
): Promise<z.infer<typeof uploadsResponse>> {
  await findOwnImage(member, imageId, 'image.upload', ports);
  const uploads = await Promise.all(
    request.objects.map(async ({ objectKind, sha256, sizeBytes }) => {
      const there = await ports.bucket.sizeOf(imageId, objectKind, sha256);
      if (there === sizeBytes) return { sha256 };
      return { sha256, upload: await ports.bucket.presignUpload(imageId, objectKind, sha256, sizeBytes) };
    }),
  );
  const handedOut = uploads.filter((one) => 'upload' in one).length;
  if (handedOut > 0) await recordUploads(member, imageId, `${handedOut} of ${uploads.length} objects`, ports);
  return { uploads };
}

async function recordUploads(member: Member, imageId: string, reason: string, ports: PublishImagePorts): Promise<void> {
  const actor = `member:${member.memberId}`;
  const record = { actor, action: 'image.upload', decision: 'allow', imageId, reason } as const;
  const entry = auditEntry(ports.now().toISOString(), record);
  await ports.outbox.add([entry]);
  await deliverOutbox([entry], ports);
}

/** Makes the version; where it is there already, of this very manifest, answers it as it is: the first answer was lost. Throws NOT_FOUND, FORBIDDEN, MANIFEST_UNTRUSTED, INVALID_REQUEST (objects missing), CONFLICT. */
export async function completeVersion(
  member: Member,
  imageId: string,
  manifestSha256: string,
  ports: PublishImagePorts,
): Promise<ImageVersion> {
  const image = await findOwnImage(member, imageId, 'image.publish', ports);
  const certificate = await ports.publishers.findCertificate(member.memberId);
  if (certificate === undefined) throw await denyUncertified(member, imageId, ports);
  const envelope = await ports.bucket.read(imageId, 'manifests', manifestSha256, MAX_SIGNED_MANIFEST_BYTES);
  const now = ports.now();
  const trust = { rootPublicKeyPem: ports.rootPublicKeyPem, certificate: Buffer.from(certificate), now };
  const manifest = verifySignedManifest(envelope, trust);
  const earlier = await ports.images.findVersion(imageId, manifest.version);
  if (earlier?.manifestSha256 === manifestSha256) return earlier;
  requireManifestOf(image, manifest);
  await requireObjects(imageId, manifest, ports.bucket);

  const version = describeVersion(member.memberId, certificate, manifestSha256, envelope.length, manifest, now);
  const entry = auditEntry(version.createdAt, {
    actor: `member:${member.memberId}`,
    action: 'image.publish',
    decision: 'allow',
    imageId,
    reason: `${image.imageName}@${version.version}`,
  });
  await ports.images.addVersion(version, [entry]);
  await deliverOutbox([entry], ports);
  return version;
}

function denyUncertified(member: Member, imageId: string, ports: PublishImagePorts): Promise<EdgebootError> {
  const reason = 'the publishing key has no certificate of this federation';
  const record = { actor: `member:${member.memberId}`, action: 'image.publish', imageId, reason } as const;
  return deny(ports, record, {
    code: 'FORBIDDEN',
    message: reason,
    remedy: 'Send the output of "edgeboot publisher key" to the federation operator, who certifies it.',
  });
}

async function findOwnImage(
  member: Member,
  imageId: string,
  action: AuditAction,
  ports: PublishImagePorts,
): Promise<Image> {
  const image = await ports.images.findById(imageId);
  if (image === undefined) throw new EdgebootError('NOT_FOUND', `there is no image with the id ${imageId}`);
  await authorizePublisher(member, image.imageName, image, action, ports);
  return image;
}

async function authorizePublisher(
  member: Member,
  imageName: string,
  image: Image | undefined,
  action: AuditAction,
  ports: PublishImagePorts,
) {
  const reason = !member.groups.includes(PUBLISHERS)
    ? `only members of ${PUBLISHERS} may publish`
    : image !== undefined && image.ownerId !== member.memberId
      ? `the image ${imageName} belongs to another member`
      : undefined;
  if (reason === undefined) return;
  throw await deny(ports, {
    actor: `member:${member.memberId}`,
    action,
    ...(image && { imageId: image.imageId }),
    reason,
  });
}

function requireManifestOf(image: Image, manifest: Manifest): void {
  if (manifest.imageId !== image.imageId || manifest.imageName !== image.imageName) {
    throw new EdgebootError('MANIFEST_UNTRUSTED', `the manifest is of another image than ${image.imageName}`);
  }
  if (manifest.version !== image.latestVersion + 1) {
    throw new EdgebootError(
      'CONFLICT',
      `the manifest says version ${manifest.version}; the next is ${image.latestVersion + 1}`,
      {
        remedy: 'Somebody published at the same time: publish again.',
      },
    );
  }
}

/** Throws INVALID_REQUEST where objects of the manifest are missing, or of another size. */
export async function requireObjects(
  imageId: string,
  manifest: Manifest,
  bucket: Pick<ImageBucket, 'list'>,
): Promise<void> {
  const disks = [manifest.disks.frontend, manifest.disks.compute].filter((disk) => disk !== undefined);
  const [parts, indexes] = await Promise.all([bucket.list(imageId, 'parts'), bucket.list(imageId, 'indexes')]);
  const missing = disks.flatMap((disk) => missingObjects(disk, parts, indexes));
  if (missing.length > 0) {
    throw new EdgebootError(
      'INVALID_REQUEST',
      `${missing.length} objects of the manifest are not in the bucket, the first: ${String(missing[0])}`,
      { remedy: 'Publish again: only what is missing is uploaded.' },
    );
  }
}

function missingObjects(
  disk: DiskDescription,
  parts: ReadonlyMap<string, number>,
  indexes: ReadonlyMap<string, number>,
): string[] {
  const missing = disk.parts.filter((part) => parts.get(part.sha256) !== part.sizeBytes).map(({ sha256 }) => sha256);
  return indexes.get(disk.index.sha256) === disk.index.sizeBytes ? missing : [...missing, disk.index.sha256];
}

/** @param publisherId whose certificate it is */
export function describeVersion(
  publisherId: string,
  publisherCertificate: string,
  manifestSha256: string,
  manifestSizeBytes: number,
  manifest: Manifest,
  now: Date,
): ImageVersion {
  const { frontend, compute } = manifest.disks;
  const parts = [...frontend.parts, ...(compute?.parts ?? [])];
  return {
    imageId: manifest.imageId,
    imageName: manifest.imageName,
    version: manifest.version,
    manifestSha256,
    manifestSizeBytes,
    publisherId,
    publisherCertificate,
    diskSizeBytes: { frontend: frontend.sizeBytes, ...(compute && { compute: compute.sizeBytes }) },
    storedBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
    parts: parts.length,
    createdAt: now.toISOString(),
  };
}
