/** Fetches objects from the origin, an S3-compatible endpoint addressed by path. */
import { Agent } from 'undici';
import type { EdgeAnswer } from './delivery.ts';
import { errorPage } from './error-page.ts';

/** CloudFront waits this long for S3, for the first byte as between two packets. */
const RESPONSE_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** Headers that belong to one connection, or that the edge sets itself. */
const NOT_PASSED_ON = new Set(
  'age connection content-length date keep-alive proxy-authenticate set-cookie te trailer transfer-encoding upgrade via'.split(
    ' ',
  ),
);

export interface Origin {
  /**
   * GETs one object, whole. An origin that cannot be reached, or whose body ends early, gives CloudFront's 502 or 504.
   * @param path as the viewer sent it, beginning with `/`; it reaches the origin unchanged, dot segments included.
   * @param heldEtag the expired copy that the edge still has: the answer may be 304.
   */
  fetch(path: string, heldEtag: string | undefined): Promise<EdgeAnswer>;
  close(): Promise<void>;
}

/** @param baseUrl for example `http://127.0.0.1:9000/bucket`. */
export function createOrigin(baseUrl: string): Origin {
  const base = new URL(baseUrl);
  const pathPrefix = base.pathname.replace(/\/$/, '');
  const agent = new Agent({
    connect: { timeout: CONNECT_TIMEOUT_MS },
    headersTimeout: RESPONSE_TIMEOUT_MS,
    bodyTimeout: RESPONSE_TIMEOUT_MS,
  });
  return {
    fetch: async (path, heldEtag) => {
      try {
        const { statusCode, headers, body } = await agent.request({
          origin: base.origin,
          path: `${pathPrefix}${path}`,
          method: 'GET',
          headers: {
            'user-agent': 'Amazon CloudFront',
            ...(heldEtag === undefined ? {} : { 'if-none-match': heldEtag }),
          },
        });
        const content = Buffer.from(await body.arrayBuffer());
        return { status: statusCode, headers: passedOn(headers), body: content };
      } catch (error) {
        const timedOut = error instanceof Error && error.name.endsWith('TimeoutError');
        return errorPage(timedOut ? 504 : 502);
      }
    },
    close: () => agent.close(),
  };
}

function passedOn(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || NOT_PASSED_ON.has(name)) continue;
    kept[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return kept;
}
