/** Which bases are meant by what an operator types: an image's name, one version of it, or the beginning of a digest. Pure. */
import { EdgebootError } from '#shared/errors.ts';
import type { ImageLabel } from './base-folder.ts';

interface Selectable {
  readonly base: string;
  readonly images: readonly ImageLabel[];
}

/** Shorter ones would match by chance. */
const DIGEST_PREFIX = /^[0-9a-f]{6,64}$/;

/** All of them where nothing is named. Throws NOT_FOUND, USAGE where a digest is not told apart from another. */
export function selectBases<Base extends Selectable>(bases: readonly Base[], words: readonly string[]): Base[] {
  if (words.length === 0) return [...bases];
  return [...new Set(words.flatMap((word) => selectOne(bases, word)))];
}

function selectOne<Base extends Selectable>(bases: readonly Base[], word: string): Base[] {
  const named = bases.filter(({ images }) => images.some((image) => image.name === word || labelText(image) === word));
  if (named.length > 0) return named;
  const matching = DIGEST_PREFIX.test(word) ? bases.filter(({ base }) => base.startsWith(word)) : [];
  if (matching.length === 1) return matching;
  if (matching.length > 1) {
    throw new EdgebootError('USAGE', `${word} is the beginning of ${matching.length} digests`, {
      remedy: 'Give more digits of it.',
    });
  }
  throw new EdgebootError('NOT_FOUND', `the cache has no ${JSON.stringify(word)}`, {
    remedy: 'edgeboot-agent cache list shows names and digests.',
  });
}

export const labelText = ({ name, version }: ImageLabel): string =>
  version === undefined ? name : `${name}@${version}`;
