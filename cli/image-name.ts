import { EdgebootError } from '#shared/errors.ts';
import { IMAGE_NAME } from '#shared/names.ts';

/** Throws USAGE. */
export function requireImageName(name: string): string {
  if (IMAGE_NAME.safeParse(name).success) return name;
  throw new EdgebootError('USAGE', `${JSON.stringify(name)} is no image name`, {
    remedy: 'Use lower-case letters, digits and hyphens, at most 63.',
  });
}
