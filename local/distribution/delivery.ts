/** From an object that the edge holds and the viewer's headers to the answer: conditions and ranges. Pure. */
import type { IncomingHttpHeaders } from 'node:http';

/** An answer of an edge location, before it goes through the location's link. */
export interface EdgeAnswer {
  readonly status: number;
  /** Names in lower case. `content-length` is set when it is sent. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/**
 * Evaluates If-Match, If-None-Match, If-Range and Range in the order of RFC 9110, section 13.2.2. One range is served as 206;
 * several, or one that is not well formed, get the whole object, which the RFC allows.
 */
export function deliver(object: EdgeAnswer, viewer: IncomingHttpHeaders): EdgeAnswer {
  if (object.status !== 200) return object;
  const etag = object.headers['etag'];
  const sizeBytes = object.body.length;
  if (viewer['if-match'] !== undefined && !listsTag(viewer['if-match'], etag)) return bodiless(412, object);
  if (viewer['if-none-match'] !== undefined && listsTag(viewer['if-none-match'], etag)) return bodiless(304, object);

  const headers = { ...object.headers, 'accept-ranges': 'bytes' };
  const sameObject = viewer['if-range'] === undefined || viewer['if-range'] === etag;
  const range = sameObject ? parseRange(viewer.range, sizeBytes) : undefined;
  if (range === undefined) return { ...object, headers };
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { 'content-range': `bytes */${sizeBytes}` }, body: Buffer.alloc(0) };
  }
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${range.first}-${range.last}/${sizeBytes}` },
    body: object.body.subarray(range.first, range.last + 1),
  };
}

function bodiless(status: number, object: EdgeAnswer): EdgeAnswer {
  const headers = Object.entries(object.headers).filter(([name]) => !name.startsWith('content-'));
  return { status, headers: Object.fromEntries(headers), body: Buffer.alloc(0) };
}

function listsTag(condition: string, etag: string | undefined): boolean {
  if (condition.trim() === '*') return true;
  const tags = condition.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return etag !== undefined && tags.includes(etag.replace(/^W\//, ''));
}

/** @returns undefined where the whole object is to be served. Both ends are inclusive. */
function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { first: number; last: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  const [, from = '', to = ''] = match ?? [];
  if (from === '' && to === '') return undefined;
  if (from === '') {
    const lengthBytes = Math.min(Number(to), sizeBytes);
    return lengthBytes === 0 ? 'unsatisfiable' : { first: sizeBytes - lengthBytes, last: sizeBytes - 1 };
  }
  const first = Number(from);
  const last = to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (to !== '' && Number(to) < first) return undefined;
  return first >= sizeBytes ? 'unsatisfiable' : { first, last };
}
