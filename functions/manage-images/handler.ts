import { channelRequest, shareImageRequest, verdictRequest } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeManageImages } from '../compose.ts';
import { type ApiRequest, apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { removeChannel, setChannel, shareImage } from './manage-images.ts';
import { deleteVersion, deprecateVersion, recallVersion } from './manage-versions.ts';

const ports = composeManageImages();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  const imageName = request.pathParameter('imageName');
  const ok = (body: unknown) => ({ status: 200, body });
  switch (request.routeKey) {
    case 'PUT /v1/images/{imageName}/channels/{channel}': {
      const channel = request.pathParameter('channel');
      return ok(await setChannel(member, imageName, channel, request.body(channelRequest).version, ports));
    }
    case 'DELETE /v1/images/{imageName}/channels/{channel}':
      return ok(await removeChannel(member, imageName, request.pathParameter('channel'), ports));
    case 'PUT /v1/images/{imageName}/sharing':
      return ok(await shareImage(member, imageName, request.body(shareImageRequest).sharing, ports));
    case 'PUT /v1/images/{imageName}/versions/{imageVersion}/deprecation': {
      const { reason } = request.body(verdictRequest);
      return ok(await deprecateVersion(member, versionIn(request, imageName), reason, ports));
    }
    case 'DELETE /v1/images/{imageName}/versions/{imageVersion}/deprecation':
      return ok(await deprecateVersion(member, versionIn(request, imageName), undefined, ports));
    case 'PUT /v1/images/{imageName}/versions/{imageVersion}/recall': {
      const { reason } = request.body(verdictRequest);
      return ok(await recallVersion(member, versionIn(request, imageName), reason, ports));
    }
    case 'DELETE /v1/images/{imageName}/versions/{imageVersion}':
      return ok(await deleteVersion(member, versionIn(request, imageName), ports));
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});

const versionIn = (request: ApiRequest, imageName: string) => ({
  imageName,
  version: Number(request.pathParameter('imageVersion')),
});
