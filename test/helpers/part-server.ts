/** A loopback HTTP server that serves the objects of an image, and misbehaves on request. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is wrong with one answer. */
export type Fault =
  | { readonly kind: 'bit-flip' }
  /** The body ends early although Content-Length said more. */
  | { readonly kind: 'truncated' }
  /** The connection is reset after so much of the body, from 0 to 1. */
  | { readonly kind: 'reset'; readonly after: number }
  /** The body ends early, and nothing was said about its length. */
  | { readonly kind: 'short-without-length' }
  | { readonly kind: 'wrong-length' }
  | { readonly kind: 'wrong-range' }
  /** A range is answered with the whole object, as by servers that know none. */
  | { readonly kind: 'ignored-range' }
  | { readonly kind: 'endless' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: 'denied'; readonly code: string; readonly date: Date };

export interface SeenRequest {
  /** Counts from 0. */
  readonly number: number;
  readonly path: string;
  readonly query: string;
  readonly range: string | undefined;
  readonly host: string | undefined;
}

export interface PartServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly baseUrl: string;
  readonly requests: SeenRequest[];
  /** Bytes of bodies that were handed to the network. */
  readonly sentBytes: () => number;
}

export interface PartServerOptions {
  /** By path without the leading slash. */
  readonly objects: ReadonlyMap<string, Buffer>;
  readonly faultOf?: (request: SeenRequest) => Fault | undefined;
  readonly address?: string;
  readonly port?: number;
  readonly edgeLocation?: string;
  /** Before each answer to the tiny requests that measure the round trip. */
  readonly latencyMilliseconds?: number;
}

export async function startPartServer(options: PartServerOptions): Promise<PartServer> {
  const { objects, faultOf, address = '127.0.0.1', port = 0, edgeLocation = 'TST50-C1' } = options;
  const { latencyMilliseconds = 0 } = options;
  const requests: SeenRequest[] = [];
  let sentBytes = 0;
  const server = createServer((request, response) => {
    // A client that goes away in the middle is part of the tests.
    response.on('error', () => undefined);
    response.setHeader('x-cache', requests.length % 2 === 0 ? 'Miss from cloudfront' : 'Hit from cloudfront');
    response.setHeader('x-amz-cf-pop', edgeLocation);
    const seen = toSeen(request, requests.length);
    if (request.method === 'HEAD') {
      setTimeout(() => response.writeHead(403).end(), latencyMilliseconds);
      return;
    }
    requests.push(seen);
    sentBytes += answer(seen, objects, faultOf?.(seen), response);
  });
  server.listen(port, address);
  await once(server, 'listening');
  const bound = server.address() as AddressInfo;
  return {
    address,
    port: bound.port,
    baseUrl: `http://${address}:${bound.port}`,
    requests,
    sentBytes: () => sentBytes,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function toSeen(request: IncomingMessage, number: number): SeenRequest {
  const [path = '', query = ''] = (request.url ?? '').slice(1).split('?');
  return { number, path, query, range: request.headers.range, host: request.headers.host };
}

/** Returns the number of bytes that the body has. */
function answer(
  { path, range }: SeenRequest,
  objects: ReadonlyMap<string, Buffer>,
  fault: Fault | undefined,
  response: ServerResponse,
): number {
  const object = objects.get(path);
  if (fault?.kind === 'silent') return 0;
  if (fault?.kind === 'redirect') return end(response.writeHead(302, { location: fault.location }), Buffer.alloc(0));
  if (fault?.kind === 'status') {
    const headers = fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter };
    return end(response.writeHead(fault.status, headers), Buffer.alloc(0));
  }
  if (fault?.kind === 'denied') {
    response.writeHead(403, { 'content-type': 'text/xml', date: fault.date.toUTCString() });
    return end(response, Buffer.from(`<?xml version="1.0"?><Error><Code>${fault.code}</Code></Error>`));
  }
  if (object === undefined) return end(response.writeHead(404), Buffer.alloc(0));

  if (fault?.kind === 'ignored-range') return end(response, object);
  const [from, to] = (/^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []).slice(1).map(Number);
  const body = from === undefined || to === undefined ? object : object.subarray(from, to + 1);
  if (from !== undefined && to !== undefined) {
    const shift = fault?.kind === 'wrong-range' ? 1 : 0;
    response.setHeader('content-range', `bytes ${from + shift}-${to + shift}/${object.length}`);
    response.statusCode = 206;
  }
  switch (fault?.kind) {
    case 'bit-flip': {
      const flipped = Buffer.from(body);
      flipped[body.length >> 1] = (flipped[body.length >> 1] ?? 0) ^ 1;
      return end(response, flipped);
    }
    case 'truncated':
      response.setHeader('content-length', body.length);
      response.write(body.subarray(0, body.length >> 1), () => response.destroy());
      return body.length >> 1;
    case 'reset': {
      const sent = body.subarray(0, Math.floor(body.length * fault.after));
      response.setHeader('content-length', body.length);
      response.write(sent, () => response.socket?.resetAndDestroy());
      return sent.length;
    }
    case 'short-without-length':
      response.flushHeaders();
      return end(response, body.subarray(0, -1));
    case 'wrong-length':
      return end(response, body.subarray(0, -1));
    case 'endless':
      writeForEver(response, body);
      return body.length;
    default:
      return end(response, body);
  }
}

function end(response: ServerResponse, body: Buffer): number {
  response.end(body);
  return body.length;
}

function writeForEver(response: ServerResponse, body: Buffer): void {
  const goOn = (): void => {
    while (!response.destroyed && response.write(body));
  };
  response.on('drain', goOn);
  goOn();
}
