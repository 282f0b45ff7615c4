import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { grantSchema } from '#shared/grant.ts';
import { ulid } from 'ulid';
import { mintUrls, type MintUrlsPorts } from '../../functions/mint-urls/mint-urls.ts';
import { verifySignedUrl } from '../../local/distribution/signed-url.ts';

const NOW = new Date('2026-11-23T09:00:00.000Z');
const NOW_SECONDS = NOW.getTime() / 1000;
const generatePair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const pair = generatePair();
const KEY_GROUP = [{ keyPairId: 'K2EXAMPLE', publicKeyPem: pair.publicKey }];
const ports: MintUrlsPorts = {
  signingKeys: { current: () => Promise.resolve({ keyPairId: 'K2EXAMPLE', privateKeyPem: pair.privateKey }) },
  distributionUrl: 'https://d111111abcdef8.cloudfront.net',
  now: () => NOW,
};
const verdict = (url: string, viewerAddress = '198.51.100.7', seconds = NOW_SECONDS) => {
  const answer = verifySignedUrl({ url, viewerAddress }, KEY_GROUP, seconds);
  return answer === 'allowed' ? answer : answer.code;
};

describe('minting', () => {
  it('makes one signed query that opens every object of the image, and of no other', async () => {
    const imageId = ulid();
    const grant = grantSchema.parse(await mintUrls({ imageId }, ports));
    const url = (id: string, object: string) => `${grant.baseUrl}/images/${id}/${object}?${grant.signedQuery}`;
    assert.equal(verdict(url(imageId, 'parts/abc')), 'allowed');
    assert.equal(verdict(url(imageId, 'manifests/abc.json')), 'allowed');
    assert.equal(verdict(url(ulid(), 'parts/abc')), 'AccessDenied');
  });

  it('lasts 15 minutes, and says until when', async () => {
    const imageId = ulid();
    const grant = await mintUrls({ imageId }, ports);
    const url = `${grant.baseUrl}/images/${imageId}/parts/abc?${grant.signedQuery}`;
    assert.equal(grant.expiresAt, '2026-11-23T09:15:00.000Z');
    assert.equal(verdict(url, '198.51.100.7', NOW_SECONDS + 899), 'allowed');
    assert.equal(verdict(url, '198.51.100.7', NOW_SECONDS + 901), 'AccessDenied');
  });

  it('binds the query to the site’s address where it has one', async () => {
    const imageId = ulid();
    const grant = await mintUrls({ imageId, egressAddress: '198.51.100.7' }, ports);
    const url = `${grant.baseUrl}/images/${imageId}/parts/abc?${grant.signedQuery}`;
    assert.equal(verdict(url, '198.51.100.7'), 'allowed');
    assert.equal(verdict(url, '198.51.100.8'), 'AccessDenied');
  });

  it('hands out no query whose signature does not verify', async () => {
    // A key that says it is the other one, yet signs with numbers of its own.
    const [trusted, foreign] = [pair, generatePair()].map(({ privateKey }) =>
      createPrivateKey(privateKey).export({ format: 'jwk' }),
    );
    const { d, dp, dq, qi } = foreign ?? {};
    const broken = createPrivateKey({ key: { ...trusted, d, dp, dq, qi } as JsonWebKey, format: 'jwk' });
    const privateKeyPem = broken.export({ type: 'pkcs8', format: 'pem' }).toString();
    assert.equal(createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }), pair.publicKey);
    const signingKeys = { current: () => Promise.resolve({ keyPairId: 'K2EXAMPLE', privateKeyPem }) };
    await assert.rejects(mintUrls({ imageId: ulid() }, { ...ports, signingKeys }), /did not sign/);
  });

  it('names SHA-256', async () => {
    const { signedQuery } = await mintUrls({ imageId: ulid() }, ports);
    assert.equal(new URLSearchParams(signedQuery).get('Hash-Algorithm'), 'SHA256');
  });

  for (const imageId of ['*', '', '../x', `${ulid()}/*`, `${ulid().slice(0, -1)}?`]) {
    it(`refuses the image id ${JSON.stringify(imageId)}`, () =>
      assert.rejects(mintUrls({ imageId }, ports), { name: 'EdgebootError', code: 'INVALID_REQUEST' }));
  }

  it('refuses an address that is a network', () =>
    assert.rejects(mintUrls({ imageId: ulid(), egressAddress: '0.0.0.0/0' }, ports), { code: 'INVALID_REQUEST' }));
});
