/**
 * What becomes of a version after it was published: deprecated (it works, and says so), recalled (nothing new is made of it, for ever)
 * or deleted (it is gone from the catalog; its objects stay in the bucket, since versions share them).
 */
import type { Image, ImageVersion, Recalled } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { channelsAt, type Verdict } from '#shared/image/catalog.ts';
import { findVersion, recalledError } from '../find-image.ts';
import type { Member } from '../http/identity.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { retryConflict } from '../retry-conflict.ts';
import { findOwnImage, type ManageImagesPorts, record } from './manage-images.ts';

/** So many deployments are named in a refusal. */
const NAMED_USES = 10;

interface Named {
  readonly imageName: string;
  readonly version: number;
}

/** Without a reason, the version is deprecated no more. Throws NOT_FOUND, FORBIDDEN, IMAGE_RECALLED, CONFLICT. */
export async function deprecateVersion(
  member: Member,
  { imageName, version }: Named,
  reason: string | undefined,
  ports: ManageImagesPorts,
): Promise<ImageVersion> {
  return retryConflict(
    async () => {
      const image = await findOwnImage(member, imageName, 'image.deprecate', ports);
      const before = await findVersion(image, version, ports);
      if (before.recall) throw recalledError(before);
      return before;
    },
    async (before) => {
      if (before.deprecation?.reason === reason) return before;
      const said = reason === undefined ? 'not deprecated any more' : `deprecated: ${reason}`;
      const entry = record(member, before, 'image.deprecate', `${imageName}@${version} ${said}`, ports);
      const deprecation = reason === undefined ? undefined : verdict(member, reason, ports);
      const after = { ...before, deprecation };
      await ports.images.judgeVersion(after, [entry]);
      await deliverOutbox([entry], ports);
      return after;
    },
  );
}

/**
 * For ever. Answers who uses the version: asked again, who still does, since nothing new is made of it.
 * Throws NOT_FOUND, FORBIDDEN (neither the owner nor an operator), CONFLICT.
 */
export async function recallVersion(
  member: Member,
  { imageName, version }: Named,
  reason: string,
  ports: ManageImagesPorts,
): Promise<Recalled> {
  const recalled = await retryConflict(
    async () => {
      const image = await findOwnImage(member, imageName, 'image.recall', ports, { orOperator: true });
      return findVersion(image, version, ports);
    },
    async (before) => {
      if (before.recall) return before;
      const after = { ...before, recall: verdict(member, reason, ports) };
      const entry = record(member, before, 'image.recall', `${imageName}@${version}: ${reason}`, ports);
      await ports.images.judgeVersion(after, [entry]);
      await deliverOutbox([entry], ports);
      return after;
    },
  );
  return { version: recalled, deployments: [...(await ports.images.listUses(recalled.imageId, version))] };
}

/** Its number is not used again. Throws NOT_FOUND, FORBIDDEN, CONFLICT (a channel points at it, deployments use it). */
export async function deleteVersion(
  member: Member,
  { imageName, version }: Named,
  ports: ManageImagesPorts,
): Promise<Named> {
  return retryConflict(
    async () => {
      const image = await findOwnImage(member, imageName, 'image.delete', ports);
      await findVersion(image, version, ports);
      await requireUnused(image, version, ports);
      return image;
    },
    async (image) => {
      const entry = record(member, image, 'image.delete', `${imageName}@${version}`, ports);
      await ports.images.deleteVersion(image, version, [entry]);
      await deliverOutbox([entry], ports);
      return { imageName, version };
    },
  );
}

async function requireUnused(image: Image, version: number, ports: ManageImagesPorts): Promise<void> {
  const { imageId, imageName } = image;
  const channels = channelsAt(image.channels, version);
  if (channels.length > 0) {
    const pointing = channels.map((channel) => `${imageName}@${channel}`).join(' and ');
    throw new EdgebootError('CONFLICT', `version ${version} of ${imageName} is what ${pointing} means`, {
      remedy: `Move the channel, or remove it: edgeboot image channel remove ${imageName}@${channels[0] ?? ''}.`,
    });
  }
  const uses = await ports.images.listUses(imageId, version);
  if (uses.length === 0) return;
  const named = uses
    .slice(0, NAMED_USES)
    .map(({ deploymentId, memberId, siteId }) => `${deploymentId} of ${memberId} at ${siteId}`);
  const more = uses.length > named.length ? ` and ${uses.length - named.length} more` : '';
  throw new EdgebootError('CONFLICT', `version ${version} of ${imageName} is used by ${named.join(', ')}${more}`, {
    remedy: 'Delete it when these deployments are over. Deprecated or recalled, it is not used by new ones.',
  });
}

function verdict({ memberId }: Member, reason: string, ports: ManageImagesPorts): Verdict {
  return { reason, at: ports.now().toISOString(), by: memberId };
}
