import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantSchema } from '#shared/grant.ts';
import { deliveryOf, errorOfAnswer } from '../../../edge-agent/repositories/edge-response.ts';

const EXPIRES_AT = '2026-11-23T12:00:00Z';
const BEFORE = 'Mon, 23 Nov 2026 11:59:59 GMT';
const AFTER = 'Mon, 23 Nov 2026 12:00:00 GMT';
const body = (code: string): string => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>m</Message></Error>`;

test('hit, miss and edge location are told from the headers', () => {
  const cases: readonly (readonly [string | undefined, boolean | undefined])[] = [
    ['Hit from cloudfront', true],
    ['RefreshHit from cloudfront', true],
    ['Miss from cloudfront', false],
    ['Error from cloudfront', undefined],
    [undefined, undefined],
  ];
  for (const [header, cacheHit] of cases) {
    const headers = { 'x-cache': header, 'x-amz-cf-pop': 'NRT57-C1' };
    assert.deepEqual(deliveryOf(headers), { edgeLocation: 'NRT57-C1', cacheHit });
  }
  assert.equal(deliveryOf({}).edgeLocation, undefined);
});

test('denials: expiry by the edge’s clock, keys by their code, the rest is FORBIDDEN', () => {
  const cases = [
    ['AccessDenied', AFTER, 'URL_EXPIRED'],
    ['AccessDenied', BEFORE, 'FORBIDDEN'],
    ['AccessDenied', undefined, 'FORBIDDEN'],
    ['MissingKey', BEFORE, 'SIGNING_KEY_ROTATED'],
    ['InvalidKey', AFTER, 'SIGNING_KEY_ROTATED'],
    ['MalformedPolicy', BEFORE, 'SIGNING_KEY_ROTATED'],
    ['MalformedSignature', BEFORE, 'SIGNING_KEY_ROTATED'],
    ['</Code><script>', BEFORE, 'FORBIDDEN'],
  ] as const;
  for (const [code, date, expected] of cases) {
    const now = new Date('2026-11-23T11:00:00Z');
    const answer = { statusCode: 403, headers: { date }, body: body(code), expiresAt: EXPIRES_AT, now };
    assert.equal(errorOfAnswer(answer).code, expected);
  }
});

test('without a Date our own clock decides', () => {
  const now = new Date('2026-11-23T12:00:01Z');
  const answer = { statusCode: 403, headers: {}, body: '', expiresAt: EXPIRES_AT, now };
  assert.equal(errorOfAnswer(answer).code, 'URL_EXPIRED');
});

test('other statuses', () => {
  const codeOf = (statusCode: number): string =>
    errorOfAnswer({ statusCode, headers: {}, body: '', expiresAt: EXPIRES_AT, now: new Date(0) }).code;
  assert.deepEqual([400, 404, 416, 429, 500, 502, 503, 504].map(codeOf), [
    'PART_UNAVAILABLE',
    'NOT_FOUND',
    'PART_CORRUPT',
    'THROTTLED',
    ...Array<string>(4).fill('PART_UNAVAILABLE'),
  ]);
});

test('a grant is a host and a query that can only be a query', () => {
  const grant = {
    schemaVersion: 1,
    baseUrl: 'https://d111111abcdef8.cloudfront.net',
    signedQuery: 'Policy=eyJ_-~&Signature=ab-_~&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256',
    resource: 'https://d111111abcdef8.cloudfront.net/images/x/*',
    expiresAt: EXPIRES_AT,
  };
  assert.equal(grantSchema.safeParse(grant).success, true);
  const hostile = [
    { baseUrl: 'https://host/path' },
    { baseUrl: 'https://user@host' },
    { baseUrl: 'file:///etc' },
    { signedQuery: 'a=b#c' },
    { signedQuery: 'a=b c' },
    { signedQuery: '' },
    { expiresAt: 'tomorrow' },
    { extra: 1 },
  ];
  for (const change of hostile) assert.equal(grantSchema.safeParse({ ...grant, ...change }).success, false);
});
