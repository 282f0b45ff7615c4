/** How much space a disk of an older image may take, as far as its files tell before they are fetched. Pure. */
import type { DiskFileType } from '#shared/vc-xml/vc-in.ts';
import type { Need } from '../cache/plan-room.ts';
import { type MemberEnd, presumeOffsets } from './gzip-member.ts';

/** Images of whole systems seldom compress better; those that do are large because of zeros, which take no space. */
const USUAL_RATIO = 4;

/**
 * Zeros stay holes, and nobody knows how many there are: of a raw disk all may be zero, of a compressed one at least what is left of
 * it must be written. How long the disk is says little: `splited_gzip` of an empty disk of 100 GB is small in every respect.
 */
export function spaceFor(type: DiskFileType, files: readonly MemberEnd[]): Need {
  const sumBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (type === 'raw' || type === 'splited') return { leastBytes: 0, expectedBytes: sumBytes };
  const rawBytes = presumeOffsets(files)?.at(-1) ?? Infinity;
  return { leastBytes: sumBytes, expectedBytes: Math.max(sumBytes, Math.min(rawBytes, sumBytes * USUAL_RATIO)) };
}
