/** Which requests an edge location lets through to its cache, and what it answers to the others. */
import type { IncomingMessage } from 'node:http';
import type { EdgeAnswer } from './delivery.ts';
import { errorPage } from './error-page.ts';
import { refusalXml, type RefusalCode } from './refusal.ts';
import { verifySignedUrl, type TrustedKey } from './signed-url.ts';

export interface Admission {
  /** The distribution's host name. */
  readonly host: string;
  readonly keyGroup: () => readonly TrustedKey[];
  /** Unix time in milliseconds. */
  readonly clock: () => number;
}

export interface Denial {
  readonly answer: EdgeAnswer;
  /** Where it was the signed URL that was refused. */
  readonly refusal?: RefusalCode;
}

/** @returns undefined for a request that is let through. */
export function deny(request: IncomingMessage, { host, keyGroup, clock }: Admission): Denial | undefined {
  const { method, socket, url = '', headers } = request;
  const asked = headers.host ?? '';
  if (asked !== host && asked !== `${host}:${socket.localPort ?? ''}`) {
    return { answer: errorPage(403, 'No distribution has this host name.') };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return { answer: errorPage(403, 'The distribution allows GET and HEAD only.') };
  }
  if (!url.startsWith('/')) return { answer: errorPage(400) };

  const viewerRequest = { url: `http://${asked}${url}`, viewerAddress: socket.remoteAddress ?? '' };
  const verdict = verifySignedUrl(viewerRequest, keyGroup(), clock() / 1000);
  if (verdict === 'allowed') return undefined;
  const answerHeaders = { 'content-type': 'text/xml', server: 'CloudFront' };
  const body = Buffer.from(refusalXml(verdict));
  return { answer: { status: verdict.httpStatus, headers: answerHeaders, body }, refusal: verdict.code };
}
