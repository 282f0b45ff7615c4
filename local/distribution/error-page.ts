/** The page that CloudFront itself answers with where neither the origin nor the signature has anything to say. */
import { STATUS_CODES } from 'node:http';
import { create } from 'xmlbuilder2';
import type { EdgeAnswer } from './delivery.ts';

const TITLE = 'The request could not be satisfied';

/** @param reason for a person, without anything of the request. */
export function errorPage(status: number, reason: string = STATUS_CODES[status] ?? ''): EdgeAnswer {
  const html = create({
    html: { head: { title: `ERROR: ${TITLE}` }, body: { h1: `${status} ERROR`, h2: TITLE, p: reason } },
  });
  return {
    status,
    headers: { 'content-type': 'text/html', server: 'CloudFront' },
    body: Buffer.from(html.end({ headless: true })),
  };
}
