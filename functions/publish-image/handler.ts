import { beginImageRequest, publishVersionRequest, uploadsRequest } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composePublishImage } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { beginImage, completeVersion, presignUploads } from './publish-image.ts';

const ports = composePublishImage();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  switch (request.routeKey) {
    case 'POST /v1/images': {
      const image = await beginImage(member, request.body(beginImageRequest).imageName, ports);
      const { imageId, imageName, latestVersion } = image;
      return { status: 200, body: { imageId, imageName, nextVersion: latestVersion + 1 } };
    }
    case 'POST /v1/images/{imageId}/uploads': {
      const imageId = request.pathParameter('imageId');
      return { status: 200, body: await presignUploads(member, imageId, request.body(uploadsRequest), ports) };
    }
    case 'POST /v1/images/{imageId}/versions': {
      const { manifestSha256 } = request.body(publishVersionRequest);
      const version = await completeVersion(member, request.pathParameter('imageId'), manifestSha256, ports);
      return { status: 201, body: version };
    }
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});
