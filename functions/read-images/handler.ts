import { composeApi, composeReadImages } from '../compose.ts';
import { findImage, imageAsSeenBy, maySeeImage } from '../find-image.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';

const ports = composeReadImages();

/** The catalog: what the member may see of it. */
export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  if (request.routeKey === 'GET /v1/images') {
    const images = (await ports.images.list()).filter((image) => maySeeImage(member, image));
    return { status: 200, body: { images: images.map((image) => imageAsSeenBy(member, image)) } };
  }
  const image = await findImage(member, request.pathParameter('imageName'), 'image.read', ports);
  const versions = await ports.images.listVersions(image.imageId);
  return { status: 200, body: { ...imageAsSeenBy(member, image), versions } };
});
