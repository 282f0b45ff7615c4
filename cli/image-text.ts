/** Images as text. */
import type { Image, imageResponse, ImageVersion } from '#shared/api/images.ts';
import { channelsAt, type Sharing } from '#shared/image/catalog.ts';
import { visibleLine } from '#shared/terminal/visible-text.ts';
import type * as z from 'zod';
import { fields, formatBytes, table } from './output.ts';

export function imageTable(images: readonly Image[]): string {
  const heading = ['IMAGE', 'PUBLISHED', 'CHANNELS', 'SHARED WITH', 'OWNER', 'CREATED'];
  const rows = images.map(({ imageName, latestVersion, channels, sharing, ownerId, createdAt }) => [
    imageName,
    latestVersion === 0 ? 'none' : String(latestVersion),
    describeChannels(channels),
    describeSharing(sharing),
    ownerId,
    createdAt,
  ]);
  return table([heading, ...rows]);
}

/** What owner and members need to know beside the content. */
export function describeImage({ imageName, ownerId, channels, sharing }: Image): string {
  return fields([
    ['image', imageName],
    ['owner', ownerId],
    ['shared with', describeSharing(sharing)],
    ['channels', describeChannels(channels)],
  ]);
}

export function describeVersions(image: z.infer<typeof imageResponse>): string {
  const { versions, channels } = image;
  const heading = ['VERSION', 'CHANNELS', 'STATE', 'FRONTEND DISK', 'COMPUTE DISK', 'PARTS', 'STORED', 'PUBLISHER'];
  const rows = versions.map((one) => [
    String(one.version),
    channelsAt(channels, one.version).join(', ') || '-',
    stateOf(one),
    formatBytes(one.diskSizeBytes.frontend),
    one.diskSizeBytes.compute === undefined ? '-' : formatBytes(one.diskSizeBytes.compute),
    String(one.parts),
    formatBytes(one.storedBytes),
    one.publisherId,
    one.createdAt,
  ]);
  const reasons = versions.map(describeVerdict).filter((text) => text !== undefined);
  return [describeImage(image), table([[...heading, 'CREATED'], ...rows]), ...reasons].join('\n');
}

/** `undefined` for a version that nothing is said against. */
export function describeVerdict({ version, deprecation, recall }: ImageVersion): string | undefined {
  if (recall) return visibleLine(`version ${version} was recalled ${recall.at} by ${recall.by}: ${recall.reason}`);
  return deprecation && visibleLine(`version ${version} is deprecated since ${deprecation.at}: ${deprecation.reason}`);
}

function stateOf({ deprecation, recall }: ImageVersion): string {
  if (recall) return 'recalled';
  return deprecation ? 'deprecated' : '-';
}

function describeChannels(channels: Image['channels'] = {}): string {
  const named = Object.entries(channels).sort(([a], [b]) => (a < b ? -1 : 1));
  return named.map(([name, version]) => `${name}=${version}`).join(', ') || '-';
}

function describeSharing(sharing: Sharing = { with: 'members' }): string {
  if (sharing.with === 'groups') return `groups ${sharing.groups.join(', ')}`;
  return sharing.with === 'owner' ? 'nobody' : 'every member';
}
