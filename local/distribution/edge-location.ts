/**
 * One edge location: an HTTP server on a loopback address of its own, with its own cache and its own link to the viewers.
 * It differs from CloudFront's in that an object is fetched whole before its first byte is served.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deliver, type EdgeAnswer } from './delivery.ts';
import { deny, type Admission } from './admission.ts';
import { Link } from './link.ts';
import { ObjectCache, type CacheResult } from './object-cache.ts';
import type { Origin } from './origin.ts';
import type { RefusalCode } from './refusal.ts';

/** One answered request, without its query: that is a grant. */
export interface RequestRecord {
  /** Code of the edge location. */
  readonly location: string;
  readonly viewerAddress: string;
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly status: number;
  readonly result: CacheResult | 'Error';
  readonly refusal: RefusalCode | undefined;
  /** Size of the body that is sent, 0 for HEAD. */
  readonly bytes: number;
}

/** For tests of faults: may put another answer in the place of the one that the edge is about to send. Applied after the cache. */
export type Intercept = (
  request: Pick<RequestRecord, 'location' | 'method' | 'path' | 'range' | 'result'>,
  answer: EdgeAnswer,
) => EdgeAnswer | Promise<EdgeAnswer>;

export interface LocationStats {
  hits: number;
  misses: number;
  /** Refusals, the origin's errors and the edge's own. */
  errors: number;
  /** Bytes of bodies. */
  bytes: number;
}

export interface EdgeLocationOptions extends Admission {
  /** Three letters, as of an airport. */
  readonly code: string;
  readonly address: string;
  readonly latencyMs: number;
  readonly bytesPerSecond: number | undefined;
  readonly cacheBytes: number;
  readonly errorCachingSeconds: number;
  readonly origin: Origin;
  readonly intercept: Intercept | undefined;
  readonly onRequest: (record: RequestRecord) => void;
}

interface Judged {
  readonly answer: EdgeAnswer;
  readonly result: RequestRecord['result'];
  readonly refusal?: RefusalCode;
}

export class EdgeLocation {
  readonly code: string;
  readonly address: string;
  /** As in `X-Amz-Cf-Pop`. */
  readonly pop: string;
  readonly #options: EdgeLocationOptions;
  readonly #cache: ObjectCache;
  readonly #link: Link;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #stats: LocationStats = { hits: 0, misses: 0, errors: 0, bytes: 0 };

  constructor(options: EdgeLocationOptions) {
    this.code = options.code;
    this.address = options.address;
    this.pop = `${options.code}57-C1`;
    this.#options = options;
    this.#cache = new ObjectCache({ ...options, maxBytes: options.cacheBytes });
    this.#link = new Link(options.latencyMs, options.bytesPerSecond);
  }

  /** @returns the port, of the system's choice where `port` is 0. Throws node's EADDRINUSE. */
  async listen(port: number): Promise<number> {
    this.#server.listen(port, this.address);
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  stats(): Readonly<LocationStats> {
    return { ...this.#stats };
  }

  purge(): void {
    this.#cache.purge();
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const aborter = new AbortController();
    response.once('close', () => aborter.abort());
    try {
      await this.#link.roundTrip(request.socket, aborter.signal);
      const judged = await this.#judge(request);
      const seen = {
        location: this.code,
        viewerAddress: request.socket.remoteAddress ?? '',
        method: request.method ?? '',
        path: pathOf(request),
        range: request.headers.range,
        result: judged.result,
      };
      const answer = (await this.#options.intercept?.(seen, judged.answer)) ?? judged.answer;
      const result = answer.status >= 400 ? 'Error' : judged.result;
      const body = request.method === 'HEAD' ? Buffer.alloc(0) : answer.body;
      this.#count(result, body.length);
      this.#options.onRequest({ ...seen, result, status: answer.status, refusal: judged.refusal, bytes: body.length });
      response.writeHead(answer.status, this.#headersOf(answer, result));
      await this.#link.send(response, body, aborter.signal);
    } catch (error) {
      if (!aborter.signal.aborted) throw error;
    }
  }

  /** From the request to the answer, before any fault is put in its place. */
  async #judge(request: IncomingMessage): Promise<Judged> {
    const denied = deny(request, this.#options);
    if (denied !== undefined) return { ...denied, result: 'Error' };
    const { object, result } = await this.#cache.get(pathOf(request));
    const answer = deliver(object, request.headers);
    if (answer.status >= 400) return { answer, result: 'Error' };
    const ageSeconds = Math.max(0, Math.floor((this.#options.clock() - object.fetchedAtMs) / 1000));
    const headers = {
      ...answer.headers,
      date: new Date(object.fetchedAtMs).toUTCString(),
      ...(result === 'Miss' ? {} : { age: String(ageSeconds) }),
    };
    return { answer: { ...answer, headers }, result };
  }

  #headersOf(answer: EdgeAnswer, result: RequestRecord['result']): Record<string, string | number> {
    return {
      date: new Date(this.#options.clock()).toUTCString(),
      ...answer.headers,
      ...(answer.status === 304 ? {} : { 'content-length': answer.body.length }),
      'x-cache': `${result} from cloudfront`,
      via: `1.1 ${randomBytes(16).toString('hex')}.cloudfront.net (CloudFront)`,
      'x-amz-cf-pop': this.pop,
      'x-amz-cf-id': `${randomBytes(40).toString('base64url')}==`,
    };
  }

  #count(result: RequestRecord['result'], bytes: number): void {
    this.#stats.bytes += bytes;
    if (result === 'Error') this.#stats.errors += 1;
    else if (result === 'Miss') this.#stats.misses += 1;
    else this.#stats.hits += 1;
  }
}

/** Without the query, which is a grant. */
function pathOf(request: IncomingMessage): string {
  return request.url?.split('?', 1)[0] ?? '';
}
