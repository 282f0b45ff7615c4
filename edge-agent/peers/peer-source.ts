/** Another agent of the site as a source, of what peer-messages.ts says. Nobody has verified what it gives. */
import type { Dispatcher } from 'undici';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../ports.ts';
import { isRefusal } from '../repositories/http-answer.ts';
import { getOverHttp, overTheNetwork, takeFile } from '../repositories/http-get.ts';
import { signPeerRequest } from './peer-signature.ts';

/** On a LAN a part takes a tenth of a second: whoever needs longer than this keeps a transfer waiting. */
const ANSWER_SECONDS = 4;

export interface PeerSourceOptions {
  /** `host:port` */
  readonly address: string;
  readonly key: Buffer;
  readonly dispatcher: Dispatcher;
  readonly answerSeconds?: number;
}

/**
 * The declared size of a request is the most that the answer may have. Throws NOT_FOUND where the peer has nothing of the disk,
 * UNAUTHENTICATED where it has another key, PART_UNAVAILABLE for everything else; the signal's reason.
 */
export function createPeerSource(options: PeerSourceOptions): PartSource {
  const { address, key, dispatcher, answerSeconds = ANSWER_SECONDS } = options;
  const exchange = async (request: ObjectRequest, signal: AbortSignal): Promise<FetchedObject> => {
    const authorization = signPeerRequest(key, { method: 'GET', path: request.path }, new Date());
    const url = `http://${address}${request.path}`;
    const reading = { dispatcher, headers: { authorization }, bandwidth: undefined, signal };
    return getOverHttp(url, request, reading, (statusCode, headers) => {
      if (isRefusal(request, statusCode, headers)) throw refusal(address, statusCode);
      return takeFile(request, statusCode, headers, { edgeLocation: undefined, cacheHit: undefined }, reading);
    });
  };
  return {
    async fetch({ sizeBytes, maxBytes = sizeBytes, ...rest }, signal) {
      const request = { ...rest, sizeBytes: undefined, ...(maxBytes !== undefined && { maxBytes }) };
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(answerSeconds * 1000)]);
      try {
        return await overTheNetwork(signal, () => exchange(request, inTime));
      } catch (error) {
        // Nothing of it is fetched again there: there is the edge.
        if (!hasCode(error, 'PART_CORRUPT')) throw error;
        throw new EdgebootError('PART_UNAVAILABLE', error.message, { cause: error });
      }
    },
  };
}

function refusal(address: string, status: number): EdgebootError {
  if (status === 404) return new EdgebootError('NOT_FOUND', `${address} has nothing of the disk`);
  if (status !== 401) return new EdgebootError('PART_UNAVAILABLE', `${address} answered with status ${status}`);
  return new EdgebootError('UNAUTHENTICATED', `${address} does not take our signature`, {
    remedy: 'All agents of the site need the same key file, and clocks within a minute of each other.',
  });
}
