/** A CloudFront distribution with signed URLs, at one edge location. */
import type { Dispatcher } from 'undici';
import type { Grant } from '#shared/grant.ts';
import { requireRepositoryPath } from '../core/repository-path.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';
import type { Bandwidth } from '../transfer/bandwidth.ts';
import { deliveryOf, errorOfAnswer } from './edge-response.ts';
import { isRefusal } from './http-answer.ts';
import { getOverHttp, overTheNetwork, readFile, type Reading, readUpTo } from './http-get.ts';
import { createPinnedAgent } from './pinned-agent.ts';

const MAX_ERROR_BODY_BYTES = 8 * 1024;

export interface CloudFrontOptions {
  /** Called at the start of each request. */
  readonly currentGrant: () => Grant;
  /** The edge's address; `undefined` leaves the choice to the system's resolver. */
  readonly address: string | undefined;
  /** Most connections at once. */
  readonly connections: number;
  /** The cap on all that this agent reads; none unless given. */
  readonly bandwidth?: Bandwidth | undefined;
}

export interface ClosablePartSource extends PartSource {
  /** Ends its connections; requests under way fail. */
  close(): Promise<void>;
}

/** Errors as PartSource says; FORBIDDEN for a denial that is not expiry: worth one renewal (renewing.ts). */
export function createCloudFrontSource(options: CloudFrontOptions): ClosablePartSource {
  const { currentGrant, address, connections, bandwidth } = options;
  const agent = createPinnedAgent(address, connections);
  return {
    async fetch(request, signal) {
      requireRepositoryPath(request.path);
      return overTheNetwork(signal, () => fetchObject(agent, currentGrant(), request, { bandwidth, signal }));
    },
    async close() {
      await agent.destroy();
    },
  };
}

async function fetchObject(
  dispatcher: Dispatcher,
  { baseUrl, signedQuery, expiresAt }: Grant,
  request: ObjectRequest,
  reading: Reading,
): Promise<FetchedObject> {
  using answer = await getOverHttp(`${baseUrl}/${request.path}?${signedQuery}`, request, dispatcher, reading.signal);
  const { statusCode, headers } = answer;
  if (isRefusal(request, statusCode, headers)) {
    const start = await readUpTo(answer.body, MAX_ERROR_BODY_BYTES);
    throw errorOfAnswer({ statusCode, headers, body: start.toString('latin1'), expiresAt, now: new Date() });
  }
  return { ...(await readFile(request, answer, reading)), delivery: deliveryOf(headers) };
}
