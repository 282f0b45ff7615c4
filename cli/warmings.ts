/** Asks that an image be pulled through a site's nearest edge, and follows how it goes. */
import type { ApiClient } from '#shared/api-client.ts';
import { warmingResponse } from '#shared/api/warmings.ts';
import { EdgebootError } from '#shared/errors.ts';
import { SITE_ID } from '#shared/names.ts';
import { isWarmingOver, type Warming } from '#shared/warming.ts';
import { ulid } from 'ulid';
import type * as z from 'zod';
import { describeProgress, warnOfDeprecation } from './deployment-text.ts';
import type { ImageReference } from './image-reference.ts';
import { keepLooking } from './keep-looking.ts';
import { say } from './output.ts';
import { repeatUntilAnswered } from './repeat-until-answered.ts';

export type WarmingWish = ImageReference & { readonly siteId: string; readonly keep: boolean };

/** One warming, however often it has to be asked for. */
export async function requestWarming(api: ApiClient, wish: WarmingWish): Promise<Warming> {
  const headers = { 'idempotency-key': ulid() };
  const request = { method: 'POST', path: '/v1/warmings', body: wish, headers, answer: warmingResponse } as const;
  const { warming, siteIsSilent } = await repeatUntilAnswered(() => api.call(request));
  const { warmingId, siteId } = warming;
  say(`accepted as ${warmingId}; see how it goes: edgeboot image warming ${warmingId} --wait`);
  warnOfDeprecation(warming);
  if (siteIsSilent) say(`Nobody at ${siteId} has been heard lately: it begins when the site's agent runs.`);
  return warming;
}

export async function readWarming(api: ApiClient, warmingId: string): Promise<z.infer<typeof warmingResponse>> {
  return api.call({ method: 'GET', path: `/v1/warmings/${warmingId}`, answer: warmingResponse });
}

/** Until it is over. Throws SERVICE_UNAVAILABLE where the site is silent: nobody knows when its agent comes back. */
export async function watchWarming(api: ApiClient, warmingId: string): Promise<Warming> {
  let said = '';
  const { warming, siteIsSilent } = await keepLooking(async () => {
    const seen = await readWarming(api, warmingId);
    const { phase, updatedAt } = seen.warming;
    const words = [phase, phase === 'FETCHING' ? describeProgress(seen.warming) : ''].filter(Boolean).join('  ');
    if (words !== said) say(`${updatedAt}  ${words}`);
    said = words;
    return isWarmingOver(seen.warming) || seen.siteIsSilent ? seen : undefined;
  });
  if (isWarmingOver(warming) || !siteIsSilent) return warming;
  throw new EdgebootError('SERVICE_UNAVAILABLE', `nobody at ${warming.siteId} has been heard lately`, {
    remedy: `It is done when the site's agent runs again: edgeboot image warming ${warmingId} --wait`,
  });
}

/** Throws USAGE. */
export function requireSiteId(siteId: string): string {
  if (SITE_ID.safeParse(siteId).success) return siteId;
  throw new EdgebootError('USAGE', `${JSON.stringify(siteId)} is no site`, {
    remedy: 'See what there is: edgeboot site list.',
  });
}
