import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeReadImages } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';

const ports = composeReadImages();

/** The catalogue: every member of the federation sees every image. */
export const handler = apiHandler(composeApi(), async (request) => {
  requireMember(request.identity);
  if (request.routeKey === 'GET /v1/images') return { status: 200, body: { images: await ports.images.list() } };
  const imageName = request.pathParameter('imageName');
  const image = await ports.images.findByName(imageName);
  if (image === undefined) {
    throw new EdgebootError('NOT_FOUND', `there is no image ${imageName}`, {
      remedy: 'See what there is: edgeboot image list.',
    });
  }
  return { status: 200, body: { ...image, versions: await ports.images.listVersions(image.imageId) } };
});
