import { requestWarmingRequest } from '#shared/api/warmings.ts';
import { composeApi, composeWarmImage } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { readIdempotencyKey } from '../http/idempotency-key.ts';
import { requireMember } from '../http/identity.ts';
import { readWarming, showWarming } from './read-warming.ts';
import { warmImage } from './warm-image.ts';

const ports = composeWarmImage();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  if (request.routeKey === 'GET /v1/warmings/{warmingId}') {
    return { status: 200, body: await readWarming(member, request.pathParameter('warmingId'), ports) };
  }
  const wish = request.body(requestWarmingRequest);
  const warming = await warmImage(member, wish, readIdempotencyKey(request), ports);
  return { status: 202, body: await showWarming(warming, ports) };
});
