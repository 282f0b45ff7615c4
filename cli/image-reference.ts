/** Images as people name them: NAME, NAME@VERSION, or NAME@CHANNEL. */
import { EdgebootError } from '#shared/errors.ts';
import { CHANNEL } from '#shared/names.ts';
import { requireImageName } from './image-name.ts';
import { wholeNumber } from './option-values.ts';

/** What commands say of an argument that is such a reference. */
export const IMAGE_ARGUMENT = 'NAME (its newest version that is not recalled), NAME@VERSION, or NAME@CHANNEL';

export interface ImageReference {
  readonly imageName: string;
  /** Or a channel; the newest where both are absent. */
  readonly imageVersion?: number;
  readonly imageChannel?: string;
}

/** Throws USAGE. */
export function parseImage(image: string): ImageReference {
  const [, imageName, pointer] = /^([^@]+)(?:@([^@]+))?$/.exec(image) ?? [];
  const isVersion = pointer !== undefined && /^\d+$/.test(pointer);
  if (imageName === undefined || (pointer !== undefined && !isVersion && !CHANNEL.safeParse(pointer).success)) {
    throw new EdgebootError('USAGE', `${JSON.stringify(image)} is neither NAME nor NAME@VERSION nor NAME@CHANNEL`, {
      remedy: 'A version is a number; a channel begins with a letter: lower-case letters, digits, hyphens, at most 32.',
    });
  }
  if (pointer === undefined) return { imageName };
  return isVersion
    ? { imageName, imageVersion: wholeNumber(pointer, 'VERSION', { min: 1 }) }
    : { imageName, imageChannel: pointer };
}

/** Throws USAGE where it is not NAME@VERSION. */
export function parseImageVersion(image: string): { readonly imageName: string; readonly imageVersion: number } {
  const { imageName, imageVersion } = parseImage(image);
  if (imageVersion !== undefined) return { imageName: requireImageName(imageName), imageVersion };
  throw new EdgebootError('USAGE', `${JSON.stringify(image)} names no version: NAME@VERSION is needed`);
}

/** Throws USAGE where it is not NAME@CHANNEL. */
export function parseImageChannel(image: string): { readonly imageName: string; readonly imageChannel: string } {
  const { imageName, imageChannel } = parseImage(image);
  if (imageChannel !== undefined) return { imageName: requireImageName(imageName), imageChannel };
  throw new EdgebootError('USAGE', `${JSON.stringify(image)} names no channel: NAME@CHANNEL is needed`);
}
