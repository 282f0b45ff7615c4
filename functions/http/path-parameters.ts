import { IMAGE_NAME, SITE_ID, ULID } from '#shared/names.ts';

/** The parameters of the paths in serverless.yml. */
export const PATH_PARAMETERS = {
  ...{ deploymentId: ULID, warmingId: ULID, imageId: ULID },
  ...{ imageName: IMAGE_NAME, siteId: SITE_ID },
};
export type PathParameter = keyof typeof PATH_PARAMETERS;
