import { CHANNEL, IMAGE_NAME, SITE_ID, ULID, VERSION_NUMBER } from '#shared/names.ts';

/** The parameters of the paths in serverless.yml. */
export const PATH_PARAMETERS = {
  ...{ deploymentId: ULID, warmingId: ULID, imageId: ULID },
  ...{ imageName: IMAGE_NAME, imageVersion: VERSION_NUMBER, channel: CHANNEL, siteId: SITE_ID },
};
export type PathParameter = keyof typeof PATH_PARAMETERS;
