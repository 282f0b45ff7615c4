import { CHANNEL, IMAGE_NAME, SITE_ID, ULID } from '#shared/names.ts';
import * as z from 'zod';

/** The number of an image's version, as a path has it. */
const IMAGE_VERSION = z.string().regex(/^[1-9]\d{0,8}$/, 'must be the number of a version');

/** The parameters of the paths in serverless.yml. */
export const PATH_PARAMETERS = {
  ...{ deploymentId: ULID, warmingId: ULID, imageId: ULID },
  ...{ imageName: IMAGE_NAME, imageVersion: IMAGE_VERSION, channel: CHANNEL, siteId: SITE_ID },
};
export type PathParameter = keyof typeof PATH_PARAMETERS;
