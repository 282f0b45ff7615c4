/**
 * Signed URLs, made by @aws-sdk/cloudfront-signer and by hand, accepted or refused as the CloudFront developer guide says.
 */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { matchesResource } from '../../local/distribution/policy.ts';
import { refusal, refusalXml, type RefusalCode } from '../../local/distribution/refusal.ts';
import { verifySignedUrl, type TrustedKey } from '../../local/distribution/signed-url.ts';

const NOW_SECONDS = 1_800_000_000;
const VIEWER = '203.0.113.7';
const HOST = 'http://d111111abcdef8.cloudfront.net';
const IMAGE = '01K9ZQ4V7D3M5N8P2R6S0T1W4X';
const OTHER_IMAGE = '01K9ZQ4V7D3M5N8P2R6S0T1W4Y';
const part = (imageId: string, digit: string): string => `${HOST}/images/${imageId}/parts/${digit.repeat(64)}`;
const PART = part(IMAGE, 'a');

const keys = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  otherRsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  p256: generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey,
  /** Keys that CloudFront takes into no key group. */
  rsa3072: generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
  p384: generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey,
};
type KeyName = keyof typeof keys;
const KEY_IDS: Record<KeyName, string> = {
  rsa: 'KRSA',
  otherRsa: 'KOTHER',
  p256: 'KP256',
  rsa3072: 'K3072',
  p384: 'KP384',
};
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const keyGroup: TrustedKey[] = (['rsa', 'p256', 'rsa3072', 'p384'] as const).map((name) => ({
  keyPairId: KEY_IDS[name],
  publicKeyPem: createPublicKey(pem(keys[name])).export({ type: 'spki', format: 'pem' }).toString(),
}));

type Hash = 'SHA1' | 'SHA256';
interface Statement {
  Resource?: unknown;
  Condition?: unknown;
}
interface Condition {
  [name: string]: unknown;
}
const until = (offsetSeconds: number): Condition => ({
  DateLessThan: { 'AWS:EpochTime': NOW_SECONDS + offsetSeconds },
});
const from = (offsetSeconds: number): Condition => ({
  DateGreaterThan: { 'AWS:EpochTime': NOW_SECONDS + offsetSeconds },
});
const viewers = (cidr: string): Condition => ({ IpAddress: { 'AWS:SourceIp': cidr } });
const policyText = (statement: Statement): string => JSON.stringify({ Statement: [statement] });
const cloudfrontBase64 = (bytes: Buffer): string =>
  bytes.toString('base64').replaceAll('+', '-').replaceAll('=', '_').replaceAll('/', '~');

/** By hand: the parameters of a custom policy. */
function customQuery(text: string, key: KeyName = 'rsa', hash: Hash = 'SHA256'): string {
  const signature = sign(hash.toLowerCase(), Buffer.from(text), keys[key]);
  const hashParameter = hash === 'SHA256' ? '&Hash-Algorithm=SHA256' : '';
  return `Policy=${cloudfrontBase64(Buffer.from(text))}&Signature=${cloudfrontBase64(signature)}&Key-Pair-Id=${KEY_IDS[key]}${hashParameter}`;
}
const custom = (statement: Statement, url = PART, key: KeyName = 'rsa', hash: Hash = 'SHA256'): string =>
  `${url}${url.includes('?') ? '&' : '?'}${customQuery(policyText(statement), key, hash)}`;

/** By the SDK: a canned policy, or a custom one where a start or an address is given. */
interface SdkOptions {
  url?: string;
  key?: KeyName;
  algorithm?: Hash;
  expires?: number;
  start?: number;
  ip?: string;
}
function sdk({ url = PART, key = 'rsa', algorithm, expires = 60, start, ip }: SdkOptions = {}): string {
  const iso = (offsetSeconds: number): string => new Date((NOW_SECONDS + offsetSeconds) * 1000).toISOString();
  return getSignedUrl({
    url,
    keyPairId: KEY_IDS[key],
    privateKey: pem(keys[key]),
    dateLessThan: iso(expires),
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(start === undefined ? {} : { dateGreaterThan: iso(start) }),
    ...(ip === undefined ? {} : { ipAddress: ip }),
  });
}
const sdkPolicy = (statement: Statement, key: KeyName, algorithm: Hash, url = PART): string =>
  getSignedUrl({ url, keyPairId: KEY_IDS[key], privateKey: pem(keys[key]), policy: policyText(statement), algorithm });

const everyPart = `${HOST}/images/${IMAGE}/*`;
const grant: Statement = { Resource: everyPart, Condition: { ...until(900), ...viewers(`${VIEWER}/32`) } };
const query = (url: string): string => url.slice(url.indexOf('?') + 1);
const without = (url: string, parameter: string): string =>
  url.replace(new RegExp(`[?&]${parameter}=[^&]*`), (found) => (found.startsWith('?') ? '?' : ''));

const accepted: [string, string][] = [
  ['SDK: canned, RSA, SHA-1 by default', sdk()],
  ['SDK: canned, RSA, SHA-256', sdk({ algorithm: 'SHA256' })],
  ['SDK: canned, P-256, SHA-1 by default', sdk({ key: 'p256' })],
  ['SDK: canned, P-256, SHA-256', sdk({ key: 'p256', algorithm: 'SHA256' })],
  ['SDK: canned, of a URL with parameters of its own', sdk({ url: `${PART}?size=large&license=yes` })],
  ['SDK: canned, of a path with encoded characters', sdk({ url: `${HOST}/images/with%20space/%E3%83%91` })],
  ['SDK: custom with a start that has passed', sdk({ start: -60 })],
  ['SDK: custom with an address', sdk({ ip: VIEWER, algorithm: 'SHA256' })],
  ['SDK: custom with a network', sdk({ ip: '203.0.113.0/24', key: 'p256' })],
  ['SDK: a whole policy with a wildcard, RSA, SHA-256', sdkPolicy(grant, 'rsa', 'SHA256')],
  ['SDK: a whole policy with a wildcard, P-256, SHA-256', sdkPolicy(grant, 'p256', 'SHA256')],
  ['SDK: a whole policy with a wildcard, P-256, SHA-1', sdkPolicy(grant, 'p256', 'SHA1')],
  ['by hand: the same', custom(grant)],
  ['by hand: SHA-1', custom(grant, PART, 'rsa', 'SHA1')],
  ['by hand: SHA-1, said in so many words', `${custom(grant, PART, 'rsa', 'SHA1')}&Hash-Algorithm=SHA1`],
  ['by hand: P-256', custom(grant, PART, 'p256')],
  ['* in the middle', custom({ Resource: `${HOST}/images/*/parts/*`, Condition: until(60) })],
  ['* for nothing at all', custom({ Resource: `${PART}*`, Condition: until(60) })],
  ['* alone', custom({ Resource: '*', Condition: until(60) })],
  ['* for the scheme', custom({ Resource: `*://${HOST.slice(7)}/*`, Condition: until(60) })],
  ['? for one character', custom({ Resource: `${HOST}/images/${IMAGE.slice(0, -1)}?/*`, Condition: until(60) })],
  ['no Resource: everything', custom({ Condition: until(60) })],
  ['* reaches over the query', custom({ Resource: everyPart, Condition: until(60) }, `${PART}?w=400`)],
  ['own parameters after those of the signature', `${sdk({ url: `${PART}?w=400` }).replace('w=400&', '')}&w=400`],
  ['0.0.0.0/0', custom({ Resource: everyPart, Condition: { ...until(60), ...viewers('0.0.0.0/0') } })],
  ['a policy written with white space', `${PART}?${customQuery(JSON.stringify({ Statement: [grant] }, null, 2))}`],
  ['percent-encoded values', custom(grant).replaceAll('~', '%7E')],
  ['the last second', custom({ Resource: PART, Condition: until(1) })],
  ['the first second', custom({ Resource: PART, Condition: { ...until(60), ...from(0) } })],
  ['Policy and Expires: the policy counts', `${custom(grant)}&Expires=${NOW_SECONDS - 60}`],
];

const refused: [string, string, RefusalCode][] = [
  ['nothing signed', PART, 'MissingKey'],
  ['no Key-Pair-Id', without(custom(grant), 'Key-Pair-Id'), 'MissingKey'],
  ['an empty Key-Pair-Id', custom(grant).replace('KRSA', ''), 'MissingKey'],
  ['names in another case', custom(grant).replace('Key-Pair-Id', 'key-pair-id'), 'MissingKey'],
  ['an unknown Key-Pair-Id', custom(grant, PART, 'otherRsa'), 'InvalidKey'],
  ['RSA 3072', custom(grant, PART, 'rsa3072'), 'InvalidKey'],
  ['P-384', custom(grant, PART, 'p384'), 'InvalidKey'],
  ["another key's signature", custom(grant, PART, 'otherRsa').replace('KOTHER', 'KRSA'), 'AccessDenied'],
  ["an RSA signature under P-256's id", custom(grant).replace('KRSA', 'KP256'), 'AccessDenied'],
  ['no Signature', without(custom(grant), 'Signature'), 'MalformedSignature'],
  ['a Signature in plain base64', sdk().replace(/Signature=[^&]*/, 'Signature=ab+/cd=='), 'MalformedSignature'],
  [
    'a Signature with one character changed',
    sdk().replace(/(?<=Signature=)./, (first) => (first === 'A' ? 'B' : 'A')),
    'AccessDenied',
  ],
  [
    'a Signature that P-256 cannot have made',
    sdk({ key: 'p256' }).replace(/Signature=[^&]*/, 'Signature=abcd'),
    'AccessDenied',
  ],
  ['a Signature cut short', custom(grant).replace(/Signature=.{8}/, 'Signature='), 'AccessDenied'],
  ['neither Policy nor Expires', without(sdk(), 'Expires'), 'MalformedPolicy'],
  ['Policy not in base64', custom(grant).replace('Policy=', 'Policy=*'), 'MalformedPolicy'],
  ['Policy not JSON', `${PART}?${customQuery('{"Statement"')}`, 'MalformedPolicy'],
  ['no DateLessThan', custom({ Resource: everyPart, Condition: from(-60) }), 'MalformedPolicy'],
  [
    'a time in quotes',
    custom({ Resource: PART, Condition: { DateLessThan: { 'AWS:EpochTime': '1900000000' } } }),
    'MalformedPolicy',
  ],
  ['two statements', `${PART}?${customQuery(JSON.stringify({ Statement: [grant, grant] }))}`, 'MalformedPolicy'],
  ['two Resources', custom({ Resource: [PART, PART], Condition: until(60) }), 'MalformedPolicy'],
  ['a Resource without scheme', custom({ Resource: '/images/*', Condition: until(60) }), 'MalformedPolicy'],
  ['an unknown condition', custom({ Resource: PART, Condition: { ...until(60), Sid: 1 } }), 'MalformedPolicy'],
  ['an address without prefix', custom({ Condition: { ...until(60), ...viewers(VIEWER) } }), 'MalformedPolicy'],
  ['an IPv6 network', custom({ Condition: { ...until(60), ...viewers('2001:db8::/32') } }), 'MalformedPolicy'],
  ['Expires in milliseconds', sdk().replace(/Expires=\d+/, `Expires=${NOW_SECONDS * 1000}`), 'MalformedPolicy'],
  ['a time beyond 32 bits', sdk({ expires: 2 ** 31 }), 'MalformedPolicy'],
  ['Expires of a canned policy put off', sdk().replace(/Expires=\d+/, `Expires=${NOW_SECONDS + 61}`), 'AccessDenied'],
  ['a canned policy for another part', `${part(IMAGE, 'b')}?${query(sdk())}`, 'AccessDenied'],
  ['a parameter added to a canned URL', `${sdk()}&w=400`, 'AccessDenied'],
  ['expired, canned', sdk({ expires: -1 }), 'AccessDenied'],
  ['expired, custom', custom({ Resource: everyPart, Condition: until(-1) }), 'AccessDenied'],
  ['expired this very second', custom({ Resource: everyPart, Condition: until(0) }), 'AccessDenied'],
  ['not yet valid', sdk({ start: 30 }), 'AccessDenied'],
  ['another viewer', sdk({ ip: '203.0.113.8' }), 'AccessDenied'],
  ['a viewer outside the network', sdk({ ip: '203.0.114.0/24', algorithm: 'SHA256' }), 'AccessDenied'],
  ['the Resource of another image', custom(grant, part(OTHER_IMAGE, 'a')), 'AccessDenied'],
  ['another host', custom(grant, PART.replace('d111111abcdef8', 'd222222abcdef8')), 'AccessDenied'],
  ['? for no character', custom({ Resource: `${PART}?`, Condition: until(60) }), 'AccessDenied'],
  ['? for two characters', custom({ Resource: `${PART.slice(0, -2)}?`, Condition: until(60) }), 'AccessDenied'],
  ['a Resource without * and a query', custom({ Resource: PART, Condition: until(60) }, `${PART}?w=1`), 'AccessDenied'],
  [
    'a policy that was changed after signing',
    custom(grant).replace(
      /Policy=[^&]*/,
      `Policy=${cloudfrontBase64(Buffer.from(policyText({ Resource: '*', Condition: until(900) })))}`,
    ),
    'AccessDenied',
  ],
  ['SHA-256 without Hash-Algorithm', without(custom(grant), 'Hash-Algorithm'), 'AccessDenied'],
  ['SHA-1 with Hash-Algorithm=SHA256', `${custom(grant, PART, 'rsa', 'SHA1')}&Hash-Algorithm=SHA256`, 'AccessDenied'],
  ['an unknown Hash-Algorithm', custom(grant).replace('=SHA256', '=SHA512'), 'AccessDenied'],
  ['P-256: SHA-256 without Hash-Algorithm', without(custom(grant, PART, 'p256'), 'Hash-Algorithm'), 'AccessDenied'],
  ['two Policies', `${custom(grant)}&Policy=${cloudfrontBase64(Buffer.from('{}'))}`, 'AccessDenied'],
  ['two Signatures', `${custom(grant)}&Signature=abcd`, 'AccessDenied'],
  ['two Key-Pair-Ids', `${custom(grant)}&Key-Pair-Id=KP256`, 'AccessDenied'],
  ['two Expires', `${sdk()}&Expires=1900000000`, 'AccessDenied'],
  ['a second Key-Pair-Id with its name encoded', `${custom(grant)}&Key%2DPair-Id=KP256`, 'AccessDenied'],
];

for (const [name, url] of accepted) {
  test(`accepted: ${name}`, () => {
    assert.equal(verifySignedUrl({ url, viewerAddress: VIEWER }, keyGroup, NOW_SECONDS), 'allowed');
  });
}

for (const [name, url, code] of refused) {
  test(`refused: ${name}: ${code}`, () => {
    assert.deepEqual(verifySignedUrl({ url, viewerAddress: VIEWER }, keyGroup, NOW_SECONDS), refusal(code));
  });
}

test('ONE signed query serves every part of its image, and no part of another', () => {
  const signedQuery = query(sdkPolicy(grant, 'rsa', 'SHA256', `${HOST}/images/${IMAGE}/manifests/x.json`));
  const verdict = (url: string): unknown =>
    verifySignedUrl({ url: `${url}?${signedQuery}`, viewerAddress: VIEWER }, keyGroup, NOW_SECONDS);
  for (const digit of '0123456789abcdef') {
    assert.equal(verdict(part(IMAGE, digit)), 'allowed');
    assert.deepEqual(verdict(part(OTHER_IMAGE, digit)), refusal('AccessDenied'));
  }
});

test('after a rotation both keys are trusted; a key that was taken out is unknown', () => {
  const url = sdk({ key: 'p256', algorithm: 'SHA256' });
  const verdict = (trusted: readonly TrustedKey[]): unknown =>
    verifySignedUrl({ url, viewerAddress: VIEWER }, trusted, NOW_SECONDS);
  assert.equal(verdict(keyGroup), 'allowed');
  assert.deepEqual(verdict(keyGroup.filter(({ keyPairId }) => keyPairId !== 'KP256')), refusal('InvalidKey'));
});

test('the body of a refusal is as CloudFront writes it', () => {
  assert.equal(
    refusalXml(refusal('MissingKey')),
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>MissingKey</Code><Message>Missing Key-Pair-Id query parameter or cookie value</Message></Error>',
  );
});

test('stars give back what they took, and many of them are matched without delay', () => {
  assert.equal(matchesResource('http://*aab', 'http://aaab'), true);
  assert.equal(matchesResource(`http://${'*a'.repeat(50)}b`, `http://${'a'.repeat(5000)}`), false);
  assert.equal(matchesResource('http://*a*b*c', 'http://aabbc'), true);
});
