/** The search for secrets finds each kind as the project itself makes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { signAgentToken } from '#shared/agent-token.ts';
import { newKeyPair } from '#shared/keys.ts';
import { getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { findSecrets } from '../helpers/secrets.ts';
import { createSigningKeyPair } from '../../local/signing-key-pair.ts';

const keys = newKeyPair();

test('secrets are found, and what is none is not', async () => {
  const { keyPairId, privateKeyPem } = await createSigningKeyPair();
  const dateLessThan = '2099-01-01T00:00:00Z';
  const url = getSignedUrl({
    url: 'https://d1.example.org/images/x',
    keyPairId,
    privateKey: privateKeyPem,
    dateLessThan,
  });
  const token = await signAgentToken('naist', keys.privateKeyPem, 'audience', { method: 'GET', path: '/v1/x' }, '');
  for (const [text, kind] of [
    [url, "CloudFront's signature of a URL"],
    ['https://s3.example.org/x?X-Amz-Expires=900&X-Amz-Signature=00ff', "S3's signature of a URL"],
    [`Bearer ${token}`, 'a token of the issuer or of an agent'],
    [keys.privateKeyPem, 'a private key'],
    [`edgeboot-agent enroll enroll.naist.${'a'.repeat(43)}.${'0'.repeat(64)}`, 'a one-time token'],
    [JSON.stringify({ secretAccessKey: 'x' }), 'credentials of AWS'],
  ] as const) {
    assert.deepEqual(findSecrets(`before ${text} after`), [kind]);
  }
  assert.deepEqual(findSecrets('the token of alice is abc-def', { "alice's token": 'abc-def' }), ["alice's token"]);
  assert.deepEqual(findSecrets(new URL(url).origin + new URL(url).pathname), []);
});
