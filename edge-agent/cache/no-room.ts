/** Says what is lacking for an image, and what would help. Pure. */
import { EdgebootError } from '#shared/errors.ts';
import { formatBytes } from '#shared/terminal/columns.ts';
import { type CacheLimits, isRemovable, lackOf, type Need, type Removable, type Space, sumOf } from './plan-room.ts';

export function noRoom(bases: readonly Removable[], space: Space, limits: CacheLimits, need: Need): EdgebootError {
  const lack = lackOf(space, limits, need.leastBytes);
  const [isDiskFull, isCacheFull] = [lack.onDiskBytes > 0, lack.inCacheBytes > 0];
  const kept = bases.filter((one) => !isRemovable(one));
  const pinnedBytes = sumOf(kept.filter(({ usedBy, isBusy }) => usedBy.length === 0 && !isBusy));
  const usedBytes = sumOf(kept) - pinnedBytes;
  const sentences = [
    `There is no space for the image: it takes ${rangeOf(need)}.`,
    ...(isDiskFull
      ? [`${formatBytes(space.freeBytes)} are free, of which ${formatBytes(limits.keepFreeBytes)} stay so.`]
      : []),
    ...(isCacheFull ? [`The cache may take ${formatBytes(limits.maxBytes ?? 0)}.`] : []),
    ...(space.incomingBytes > 0 ? [`Other transfers have ${formatBytes(space.incomingBytes)} to come.`] : []),
    `Of the cache, ${formatBytes(usedBytes)} are in use, ${formatBytes(pinnedBytes)} pinned, the rest does not suffice.`,
  ];
  const remedies = [
    ...(isDiskFull ? ['free space beside the state directory of the agent'] : []),
    ...(usedBytes > 0 ? ['remove a cluster'] : []),
    ...(pinnedBytes > 0 ? ['unpin an image (edgeboot-agent cache unpin)'] : []),
    ...(isCacheFull ? ['raise cache.maxSize'] : ['lower cache.keepFree']),
  ];
  return new EdgebootError('DISK_FULL', sentences.join(' '), { remedy: `What helps: ${remedies.join('; ')}.` });
}

function rangeOf({ leastBytes, expectedBytes }: Need): string {
  const expected = formatBytes(expectedBytes);
  return leastBytes === expectedBytes ? expected : `${formatBytes(leastBytes)} to ${expected}`;
}
