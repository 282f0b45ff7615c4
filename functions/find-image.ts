/** Images as members refer to them: what they may see, and which version a reference means at the time of asking. */
import type { Image, ImageVersion } from '#shared/api/images.ts';
import type { AuditAction, AuditRecord } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import { newestUsable, versionAt } from '#shared/image/catalog.ts';
import { FEDERATION_OPERATORS, type Member } from './http/identity.ts';
import type { DeliveryPorts } from './outbox/deliver-outbox.ts';
import { deny } from './outbox/deny.ts';
import type { ImageStore } from './ports.ts';

export interface FindImagePorts extends DeliveryPorts {
  readonly images: ImageStore;
  readonly now: () => Date;
}

/** NAME, NAME@VERSION or NAME@CHANNEL. */
export interface NamedImage {
  readonly imageName: string;
  readonly imageVersion?: number | undefined;
  readonly imageChannel?: string | undefined;
}

/** Operators may recall any image, so they see every one. */
export function maySeeImage(member: Member, image: Image): boolean {
  const { sharing = { with: 'members' } } = image;
  if (seesAllOf(member, image)) return true;
  if (sharing.with === 'groups') return sharing.groups.some((group) => member.groups.includes(group));
  return sharing.with === 'members';
}

/** Of the groups that it is shared with, a member sees their own: that there are others is not their business. */
export function imageAsSeenBy(member: Member, image: Image): Image {
  const { sharing } = image;
  if (sharing?.with !== 'groups' || seesAllOf(member, image)) return image;
  const groups = sharing.groups.filter((group) => member.groups.includes(group));
  return { ...image, sharing: { with: 'groups', groups } };
}

function seesAllOf(member: Member, { ownerId }: Image): boolean {
  return ownerId === member.memberId || member.groups.includes(FEDERATION_OPERATORS);
}

/** Throws NOT_FOUND, in the same words for one that is not the member's to see: that is on record. */
export async function findImage(
  member: Member,
  imageName: string,
  action: AuditAction,
  ports: FindImagePorts,
): Promise<Image> {
  const image = await ports.images.findByName(imageName);
  if (image === undefined) throw noSuchImage(imageName);
  if (maySeeImage(member, image)) return image;
  const record = { actor: `member:${member.memberId}`, action, imageId: image.imageId };
  throw await deny(ports, { ...record, reason: `${imageName} is not shared with them` }, noSuchImage(imageName));
}

const noSuchImage = (imageName: string): EdgebootError =>
  new EdgebootError('NOT_FOUND', `there is no image ${imageName}`, {
    remedy: 'See what there is: edgeboot image list.',
  });

/**
 * The version that a reference means now, to be deployed or warmed: without version and channel, the newest that is not recalled.
 * Throws INVALID_REQUEST (both given), NOT_FOUND (on record where it is not the member's to see), IMAGE_RECALLED.
 */
export async function findUsableVersion(
  member: Member,
  named: NamedImage,
  action: AuditAction,
  ports: FindImagePorts,
): Promise<ImageVersion> {
  requireOneReference(named);
  return usableVersionOf(await findImage(member, named.imageName, action, ports), named, ports.images);
}

/** The same for a question that decides nothing: nothing of it is on record. */
export async function lookUpUsableVersion(
  member: Member,
  named: NamedImage,
  images: ImageStore,
): Promise<ImageVersion> {
  requireOneReference(named);
  const image = await images.findByName(named.imageName);
  if (image === undefined || !maySeeImage(member, image)) throw noSuchImage(named.imageName);
  return usableVersionOf(image, named, images);
}

/** Throws INVALID_REQUEST. */
function requireOneReference({ imageVersion, imageChannel }: NamedImage): void {
  if (imageVersion === undefined || imageChannel === undefined) return;
  throw new EdgebootError('INVALID_REQUEST', 'imageVersion and imageChannel: only one may be given');
}

/** Throws NOT_FOUND, IMAGE_RECALLED. */
async function usableVersionOf(
  image: Image,
  { imageVersion, imageChannel }: NamedImage,
  images: ImageStore,
): Promise<ImageVersion> {
  const number = imageChannel === undefined ? imageVersion : requireChannel(image, imageChannel);
  const version = number === undefined ? await newestOf(image, images) : await findVersion(image, number, { images });
  if (version.recall === undefined) return version;
  throw recalledError(version);
}

/** Throws NOT_FOUND. */
export async function findVersion(
  { imageId, imageName }: Image,
  version: number,
  ports: Pick<FindImagePorts, 'images'>,
): Promise<ImageVersion> {
  const found = await ports.images.findVersion(imageId, version);
  if (found) return found;
  throw new EdgebootError('NOT_FOUND', `the image ${imageName} has no version ${version}`, seeVersions(imageName));
}

export function recalledError({ imageName, version, recall }: ImageVersion): EdgebootError {
  const message = `version ${version} of ${imageName} is recalled: ${recall?.reason ?? ''}`;
  return new EdgebootError('IMAGE_RECALLED', message, seeVersions(imageName, 'Use another one'));
}

/** Nothing more is given of a version that was recalled, or is gone: on record. Throws IMAGE_RECALLED, NOT_FOUND. */
export async function denyRecalled(
  { imageId, imageVersion }: { readonly imageId: string; readonly imageVersion: number },
  record: Omit<AuditRecord, 'auditId' | 'at' | 'decision' | 'reason'>,
  ports: FindImagePorts,
): Promise<void> {
  const version = await ports.images.findVersion(imageId, imageVersion);
  if (version && version.recall === undefined) return;
  const { code, message, remedy } = version
    ? recalledError(version)
    : new EdgebootError('NOT_FOUND', `version ${imageVersion} of the image is deleted`);
  throw await deny(ports, { ...record, reason: message }, { code, message, remedy });
}

/** The version that a channel points at. Throws NOT_FOUND. */
export function requireChannel(image: Image, channel: string): number {
  const version = versionAt(image.channels, channel);
  if (version !== undefined) return version;
  const { imageName } = image;
  throw new EdgebootError('NOT_FOUND', `the image ${imageName} has no channel ${channel}`, seeVersions(imageName));
}

async function newestOf({ imageId, imageName, latestVersion }: Image, images: ImageStore): Promise<ImageVersion> {
  const latest = latestVersion > 0 ? await images.findVersion(imageId, latestVersion) : undefined;
  if (latest && latest.recall === undefined) return latest;
  // It is deleted or recalled: the ones before it count.
  const versions = latestVersion > 0 ? await images.listVersions(imageId) : [];
  const newest = newestUsable(versions) ?? versions.at(-1);
  if (newest) return newest;
  throw new EdgebootError('NOT_FOUND', `the image ${imageName} has no version`, {
    remedy: 'Ask its owner to publish one, or see what else there is: edgeboot image list.',
  });
}

const seeVersions = (imageName: string, first = 'See what there is') => ({
  remedy: `${first}: edgeboot image show ${imageName}.`,
});
