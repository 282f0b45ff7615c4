/** What an owner does with an image's channels and with whom it is shared; its content stays as it was published. */
import type { Image } from '#shared/api/images.ts';
import type { AuditAction } from '#shared/audit.ts';
import { EdgebootError } from '#shared/errors.ts';
import {
  type ChannelRefusal,
  MAX_CHANNEL_NAMES,
  MAX_CHANNELS,
  pointChannel,
  type Sharing,
  versionAt,
  withoutChannel,
} from '#shared/image/catalog.ts';
import { findImage, type FindImagePorts, findVersion, recalledError, requireChannel } from '../find-image.ts';
import { FEDERATION_OPERATORS, type Member, PUBLISHERS } from '../http/identity.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { OutboxEntry } from '../ports.ts';
import { retryConflict } from '../retry-conflict.ts';

export type ManageImagesPorts = FindImagePorts;

/**
 * A new channel, or one that moves forward. Pointed at the version that it points at, it stays as it is.
 * Throws NOT_FOUND, FORBIDDEN, IMAGE_RECALLED, CONFLICT (one too many, back behind where it ever was, or changed at the same time).
 */
export async function setChannel(
  member: Member,
  imageName: string,
  channel: string,
  version: number,
  ports: ManageImagesPorts,
): Promise<Image> {
  return retryConflict(
    async () => {
      const before = await findOwnImage(member, imageName, 'image.channel', ports);
      const target = await findVersion(before, version, ports);
      if (target.recall) throw recalledError(target);
      const pointed = pointChannel(before, channel, version);
      if (typeof pointed === 'string') throw channelError(before, channel, pointed);
      return { before, pointed };
    },
    async ({ before, pointed }) => {
      if (versionAt(before.channels, channel) === version) return before;
      const entry = record(member, before, 'image.channel', `${imageName}@${channel} is version ${version}`, ports);
      return commit(before, { ...before, ...pointed }, version, entry, ports);
    },
  );
}

/** Throws NOT_FOUND (no such image or channel), FORBIDDEN, CONFLICT. */
export async function removeChannel(
  member: Member,
  imageName: string,
  channel: string,
  ports: ManageImagesPorts,
): Promise<Image> {
  return retryConflict(
    () => findOwnImage(member, imageName, 'image.channel', ports),
    async (before) => {
      const version = requireChannel(before, channel);
      const reason = `${imageName}@${channel} is no more; it was version ${version}`;
      const entry = record(member, before, 'image.channel', reason, ports);
      return commit(before, { ...before, ...withoutChannel(before, channel, version) }, undefined, entry, ports);
    },
  );
}

/** From now on, for fresh URLs of transfers under way, too; what runs goes on. Throws NOT_FOUND, FORBIDDEN, CONFLICT. */
export async function shareImage(
  member: Member,
  imageName: string,
  sharing: Sharing,
  ports: ManageImagesPorts,
): Promise<Image> {
  return retryConflict(
    () => findOwnImage(member, imageName, 'image.share', ports),
    (before) => {
      const reason = `${imageName} is shared with ${describeSharing(sharing)}`;
      const entry = record(member, before, 'image.share', reason, ports);
      return commit(before, { ...before, sharing }, undefined, entry, ports);
    },
  );
}

/** Of the member's own, who may publish; or any where an operator may, too. Throws NOT_FOUND and FORBIDDEN, on record. */
export async function findOwnImage(
  member: Member,
  imageName: string,
  action: AuditAction,
  ports: ManageImagesPorts,
  { orOperator = false } = {},
): Promise<Image> {
  const image = await findImage(member, imageName, action, ports);
  const isOwner = image.ownerId === member.memberId;
  if (isOwner && member.groups.includes(PUBLISHERS)) return image;
  if (orOperator && member.groups.includes(FEDERATION_OPERATORS)) return image;
  const asked = { actor: `member:${member.memberId}`, action, imageId: image.imageId };
  if (isOwner) throw await deny(ports, { ...asked, reason: `only members of ${PUBLISHERS} may manage their images` });
  const who = orOperator ? `its owner, or a member of ${FEDERATION_OPERATORS},` : 'its owner';
  const reason = `the image ${imageName} belongs to another member: only ${who} may do this`;
  throw await deny(
    ports,
    { ...asked, reason },
    { code: 'FORBIDDEN', message: reason, remedy: `Ask ${image.ownerId}, its owner.` },
  );
}

export function record(
  { memberId }: Member,
  { imageId }: Pick<Image, 'imageId'>,
  action: AuditAction,
  reason: string,
  ports: ManageImagesPorts,
): OutboxEntry {
  const allowed = { actor: `member:${memberId}`, action, decision: 'allow', imageId, reason } as const;
  return auditEntry(ports.now().toISOString(), allowed);
}

async function commit(
  before: Image,
  settings: Image,
  pointedAt: number | undefined,
  entry: OutboxEntry,
  ports: ManageImagesPorts,
): Promise<Image> {
  const { channels = {}, removedChannels = {}, sharing = { with: 'members' } } = settings;
  const after = { ...settings, channels, removedChannels, sharing, revision: (before.revision ?? 0) + 1 };
  await ports.images.replaceSettings(before, after, pointedAt, [entry]);
  await deliverOutbox([entry], ports);
  return after;
}

function channelError(image: Image, channel: string, why: ChannelRefusal): EdgebootError {
  const { imageName, channels, removedChannels } = image;
  if (why === 'too many') {
    return new EdgebootError('CONFLICT', `the image ${imageName} has ${MAX_CHANNELS} channels already`, {
      remedy: `Remove one: edgeboot image channel remove ${imageName}@CHANNEL.`,
    });
  }
  if (why === 'too many names') {
    return new EdgebootError('CONFLICT', `the image ${imageName} has had ${MAX_CHANNEL_NAMES} channels already`, {
      remedy: 'Use the name of one that was removed.',
    });
  }
  const present = versionAt(channels, channel);
  const place =
    present === undefined ? `was version ${versionAt(removedChannels, channel) ?? 0}` : `is version ${present}`;
  return new EdgebootError('CONFLICT', `${imageName}@${channel} ${place}, and never goes back`, {
    remedy: 'Publish the earlier content as a new version, and set the channel to that.',
  });
}

function describeSharing(sharing: Sharing): string {
  if (sharing.with === 'groups') return `members of ${sharing.groups.join(', ')}`;
  return sharing.with === 'owner' ? 'nobody else' : 'every member';
}
