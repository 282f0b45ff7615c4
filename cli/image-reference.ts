/** Images as people name them: NAME, or NAME@VERSION. */
import { EdgebootError } from '#shared/errors.ts';
import { wholeNumber } from './option-values.ts';

export interface ImageReference {
  readonly imageName: string;
  /** The latest where absent. */
  readonly imageVersion?: number;
}

/** Throws USAGE. */
export function parseImage(image: string): ImageReference {
  const [, imageName, version] = /^([^@]+)(?:@(\d+))?$/.exec(image) ?? [];
  if (imageName === undefined) {
    throw new EdgebootError('USAGE', `${JSON.stringify(image)} is neither NAME nor NAME@VERSION`);
  }
  return { imageName, ...(version !== undefined && { imageVersion: wholeNumber(version, 'VERSION') }) };
}
