/** Which answers may hold the file that was asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import type { ObjectRequest } from '../../../edge-agent/ports.ts';
import { type Headers, rangeHeaderOf, requireExpectedAnswer } from '../../../edge-agent/repositories/http-answer.ts';
import { RetryAfter } from '../../../edge-agent/repositories/retry-after.ts';

const whole: ObjectRequest = { path: 'images/i/parts/0', sizeBytes: 100 };
const ranged: ObjectRequest = { ...whole, range: { offsetBytes: 10, lengthBytes: 20 } };
const endOf: ObjectRequest = { path: 'images/i/parts/0', sizeBytes: undefined, range: { lastBytes: 8 } };
const index: ObjectRequest = { path: 'vcdb.txt', sizeBytes: undefined, maxBytes: 50 };
const answers: readonly (readonly [
  string,
  ObjectRequest,
  number,
  Headers,
  'PART_CORRUPT' | 'PART_UNAVAILABLE' | 'ok',
])[] = [
  ['the object', whole, 200, { 'content-length': '100' }, 'ok'],
  ['the object, length unknown', whole, 200, {}, 'ok'],
  ['another length', whole, 200, { 'content-length': '101' }, 'PART_CORRUPT'],
  ['a range that nobody asked for', whole, 206, { 'content-range': 'bytes 0-99/100' }, 'PART_UNAVAILABLE'],
  ['a redirect', whole, 302, {}, 'PART_UNAVAILABLE'],
  ['no content', whole, 204, {}, 'PART_UNAVAILABLE'],
  ['the range', ranged, 206, { 'content-range': 'bytes 10-29/100', 'content-length': '20' }, 'ok'],
  ['the range, total unknown', ranged, 206, { 'content-range': 'bytes 10-29/*' }, 'ok'],
  ['the whole object instead', ranged, 200, { 'content-length': '100' }, 'PART_CORRUPT'],
  ['no Content-Range', ranged, 206, {}, 'PART_CORRUPT'],
  ['another range', ranged, 206, { 'content-range': 'bytes 11-30/100' }, 'PART_CORRUPT'],
  ['a range of another object', ranged, 206, { 'content-range': 'bytes 10-29/101' }, 'PART_CORRUPT'],
  ['two ranges', ranged, 206, { 'content-range': ['bytes 10-29/100', 'x'] }, 'PART_CORRUPT'],
  [
    'a range with another length',
    ranged,
    206,
    { 'content-range': 'bytes 10-29/100', 'content-length': '9' },
    'PART_CORRUPT',
  ],
  [
    'a range of a size that nobody knows',
    { ...ranged, sizeBytes: undefined },
    206,
    { 'content-range': 'bytes 10-29/*' },
    'PART_CORRUPT',
  ],
  ['the end', endOf, 206, { 'content-range': 'bytes 92-99/100', 'content-length': '8' }, 'ok'],
  ['the end, all of it', endOf, 206, { 'content-range': 'bytes 0-4/5' }, 'ok'],
  ['the end, but less of it', endOf, 206, { 'content-range': 'bytes 93-99/100' }, 'PART_CORRUPT'],
  ['no end at all', endOf, 206, { 'content-range': 'bytes 91-98/100' }, 'PART_CORRUPT'],
  ['the end, size unknown', endOf, 206, { 'content-range': 'bytes 92-99/*' }, 'PART_CORRUPT'],
  ['the end of an empty file', endOf, 416, { 'content-range': 'bytes */0' }, 'ok'],
  ['the end of an empty file, all of it', endOf, 200, { 'content-length': '0' }, 'ok'],
  ['no end, but the whole object', endOf, 200, { 'content-length': '100' }, 'PART_CORRUPT'],
  ['no end, but a body of unknown length', endOf, 200, {}, 'PART_CORRUPT'],
  ['an undeclared file', index, 200, { 'content-length': '50' }, 'ok'],
  ['an undeclared file of unknown length', index, 200, {}, 'ok'],
  ['an undeclared file that is too large', index, 200, { 'content-length': '51' }, 'PART_CORRUPT'],
];
for (const [name, request, statusCode, headers, expected] of answers) {
  test(`an answer before its body: ${name}`, () => {
    const check = (): unknown => requireExpectedAnswer(request, statusCode, headers);
    if (expected === 'ok') check();
    else assert.throws(check, (error) => hasCode(error, expected));
  });
}

test('ranges are asked for in one form each', () => {
  assert.deepEqual([whole, ranged, endOf].map(rangeHeaderOf), [undefined, 'bytes=10-29', 'bytes=-8']);
});

test('the version is the entity tag, else the time of modification, else nobody knows', () => {
  const versionOf = (headers: Headers): string | undefined => requireExpectedAnswer(whole, 200, headers).version;
  const lastModified = 'Mon, 23 Nov 2026 11:59:59 GMT';
  assert.equal(versionOf({ etag: '"a"', 'last-modified': lastModified }), '"a"');
  assert.equal(versionOf({ 'last-modified': lastModified }), lastModified);
  assert.equal(versionOf({}), undefined);
  assert.equal(versionOf({ etag: 'x'.repeat(1000) }), undefined);
});

test('a whole file of undeclared size needs a limit', () => {
  const careless = { path: 'vcdb.txt', sizeBytes: undefined };
  assert.throws(() => requireExpectedAnswer(careless, 200, { 'content-length': '1' }), TypeError);
});

test('Retry-After: seconds, or a date; never a time that is past', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const secondsOf = (wish?: string): number | undefined => RetryAfter.from({ 'retry-after': wish }, now)?.seconds;
  assert.deepEqual(
    ['7', 'Mon, 23 Nov 2026 12:01:00 GMT', 'Mon, 23 Nov 2026 11:00:00 GMT', 'soon', '-5', undefined].map(secondsOf),
    [7, 60, 0, undefined, undefined, undefined],
  );
});
