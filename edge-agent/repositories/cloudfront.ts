/** A CloudFront distribution with signed URLs, at one edge location. */
import type { Grant } from '#shared/grant.ts';
import { requireRepositoryPath } from '../core/repository-path.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';
import type { Bandwidth } from '../transfer/bandwidth.ts';
import { deliveryOf, errorOfAnswer } from './edge-response.ts';
import { isRefusal } from './http-answer.ts';
import { getOverHttp, overTheNetwork, type Reading, takeFile, takeUpTo } from './http-get.ts';
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
      return overTheNetwork(signal, () =>
        fetchObject(currentGrant(), request, { dispatcher: agent, bandwidth, signal }),
      );
    },
    async close() {
      await agent.destroy();
    },
  };
}

async function fetchObject(
  { baseUrl, signedQuery, expiresAt }: Grant,
  request: ObjectRequest,
  reading: Reading,
): Promise<FetchedObject> {
  return getOverHttp(`${baseUrl}/${request.path}?${signedQuery}`, request, reading, (statusCode, headers) => {
    if (!isRefusal(request, statusCode, headers)) {
      return takeFile(request, statusCode, headers, deliveryOf(headers), reading);
    }
    const start = takeUpTo(MAX_ERROR_BODY_BYTES);
    return {
      ...start,
      end() {
        const body = start.end().toString('latin1');
        throw errorOfAnswer({ statusCode, headers, body, expiresAt, now: new Date() });
      },
    };
  });
}
