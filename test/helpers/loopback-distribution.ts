/** A distribution of three edge locations in front of a small origin, all on loopback, and a viewer that connects by address. */
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { Agent } from 'undici';
import {
  startDistribution,
  type Distribution,
  type DistributionOptions,
} from '../../local/distribution/distribution.ts';

export const HOST = 'images.edgeboot.test';
export const LOCATIONS = [
  { code: 'NRT', address: '127.81.1.1' },
  { code: 'SIN', address: '127.81.2.1' },
  { code: 'SFO', address: '127.81.3.1' },
] as const;
export type LocationCode = (typeof LOCATIONS)[number]['code'];

export interface OriginObject {
  content: Buffer;
  cacheControl?: string;
}

export interface Origin {
  /** `http://127.0.0.1:<port>/bucket` */
  readonly baseUrl: string;
  /** By key, as in a bucket. */
  readonly objects: Map<string, OriginObject>;
  /** Every request that came, oldest first; `path` with its query. */
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** Answers wait for this; replace it to hold them back. */
  gate: Promise<void>;
  /** Set: every answer has this status. */
  failure: number | undefined;
}

/** Answers as S3 does: 304 to If-None-Match, an XML body for what is not there. */
export async function startOrigin(t: TestContext): Promise<Origin> {
  const objects = new Map<string, OriginObject>();
  const server = createServer((request, response) => {
    origin.requests.push({ path: request.url ?? '', headers: request.headers });
    void origin.gate.then(() => {
      const object = objects.get((request.url ?? '').replace(/^\/bucket\//, ''));
      const etag = object && `"${createHash('md5').update(object.content).digest('hex')}"`;
      if (origin.failure !== undefined || object === undefined) {
        response.writeHead(origin.failure ?? 404, { 'content-type': 'application/xml', server: 'AmazonS3' });
        response.end('<Error><Code>NoSuchKey</Code><RequestId>1</RequestId></Error>');
      } else if (request.headers['if-none-match'] === etag) {
        response.writeHead(304, { etag }).end();
      } else {
        const cacheControl = object.cacheControl === undefined ? {} : { 'cache-control': object.cacheControl };
        response.writeHead(200, {
          etag,
          server: 'AmazonS3',
          'content-type': 'application/octet-stream',
          ...cacheControl,
        });
        response.end(object.content);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin: Origin = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/bucket`,
    objects,
    requests: [],
    gate: Promise.resolve(),
    failure: undefined,
  };
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return origin;
}

const signingKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
export const KEY_GROUP = [{ keyPairId: 'KTEST', publicKeyPem: signingKey.publicKey }];

export interface ViewerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Viewer {
  readonly distribution: Distribution;
  /** A signed query for every object of the image, for `seconds` from `nowMs`. */
  readonly sign: (imageId: string, seconds?: number, nowMs?: number) => string;
  /** @param target path and query, sent as they are. */
  readonly ask: (
    location: LocationCode,
    target: string,
    headers?: Record<string, string>,
    options?: { method?: 'GET' | 'HEAD' | 'PUT'; signal?: AbortSignal },
  ) => Promise<ViewerAnswer>;
}

export async function startViewer(
  t: TestContext,
  originBaseUrl: string,
  options: Partial<DistributionOptions> = {},
): Promise<Viewer> {
  const distribution = await startDistribution({
    host: HOST,
    originBaseUrl,
    keyGroup: () => KEY_GROUP,
    locations: LOCATIONS,
    ...options,
  });
  const agent = new Agent();
  t.after(async () => {
    await agent.destroy();
    await distribution.close();
  });
  return {
    distribution,
    sign: (imageId, seconds = 900, nowMs = Date.now()) => {
      const expires = Math.floor(nowMs / 1000) + seconds;
      const Resource = `${distribution.baseUrl}/images/${imageId}/*`;
      const policy = { Statement: [{ Resource, Condition: { DateLessThan: { 'AWS:EpochTime': expires } } }] };
      return new URL(
        getSignedUrl({
          url: Resource,
          keyPairId: 'KTEST',
          privateKey: signingKey.privateKey,
          policy: JSON.stringify(policy),
          algorithm: 'SHA256',
        }),
      ).search;
    },
    ask: async (code, target, headers = {}, { method = 'GET', signal } = {}) => {
      const location = distribution.locations.find((candidate) => candidate.code === code);
      assert.ok(location);
      const answer = await agent.request({
        origin: `http://${location.address}:${distribution.port}`,
        path: target,
        method,
        // undici closes the connection after a HEAD unless told otherwise: the next would pay for a handshake again.
        reset: false,
        ...(signal === undefined ? {} : { signal }),
        headers: { host: `${HOST}:${distribution.port}`, ...headers },
      });
      return {
        status: answer.statusCode,
        headers: answer.headers as ViewerAnswer['headers'],
        body: Buffer.from(await answer.body.arrayBuffer()),
      };
    },
  };
}
