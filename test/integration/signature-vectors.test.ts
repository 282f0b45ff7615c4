/**
 * Signed URLs of CloudFront, judged by three who do not know of each other: our edge, openssl, and AWS's Python library, which signs the
 * same and has to come to the same bytes.
 * Sources: CloudFront Developer Guide, "Create a signed URL using a canned policy" and "… using a custom policy".
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { verifySignedUrl } from '../../local/distribution/signed-url.ts';
import { createSigningKeyPair, type SigningKeyPair } from '../../local/signing-key-pair.ts';
import { signatureVectors, type SignatureVector } from '../helpers/signature-vectors.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const BOTOCORE_SIGNER = join(import.meta.dirname, '../fixtures/sign-with-botocore.py');

void describe('a hundred signed URLs', { timeout: 120_000 }, () => {
  let pair: SigningKeyPair;
  let vectors: SignatureVector[];
  before(async () => {
    pair = await createSigningKeyPair();
    vectors = await signatureVectors(pair);
  });

  it('are half custom, half canned, half spoiled', () => {
    assert.equal(vectors.length, 100);
    assert.equal(vectors.filter(({ asked }) => asked.resource !== undefined).length, 50);
    const allowed = vectors.filter(({ isAllowed }) => isAllowed).length;
    assert.ok(allowed >= 50 && allowed < 60, String(allowed));
    assert.ok(vectors.filter(({ isTrue, isAllowed }) => isTrue && !isAllowed).length > 10, 'late, elsewhere, …');
    assert.equal(new Set(vectors.map(({ url }) => url)).size, 100);
  });

  it('are let through by the edge, or not', () => {
    for (const { name, url, viewerAddress, atSeconds, isAllowed } of vectors) {
      const verdict = verifySignedUrl({ url, viewerAddress }, [pair], atSeconds);
      assert.equal(verdict === 'allowed', isAllowed, `${name}: ${JSON.stringify(verdict)}`);
    }
  });

  it('are true signatures to openssl, or not', async () => {
    await using folder = await createTemporaryFolder();
    const [key, signature] = ['key.pem', 'signature'].map((name) => join(folder.path, name)) as [string, string];
    await writeFile(key, pair.publicKeyPem);
    for (const vector of vectors) {
      await writeFile(signature, vector.signature);
      const hash = new URL(vector.url).searchParams.get('Hash-Algorithm') === 'SHA256' ? '-sha256' : '-sha1';
      const args = ['dgst', hash, '-verify', key, '-signature', signature];
      const { exitCode, stdout } = await runCommand('openssl', args, { input: vector.policyText });
      assert.equal(exitCode === 0, vector.isTrue, `${vector.name}: ${stdout}`);
    }
  });

  it('are signed by AWS’s Python library to the same bytes', async () => {
    await using folder = await createTemporaryFolder();
    const key = join(folder.path, 'key.pem');
    await writeFile(key, pair.privateKeyPem, { mode: 0o600 });
    const input = vectors.map(({ asked }) => `${JSON.stringify(asked)}\n`).join('');
    // Debian's own: another one does not find Debian's packages.
    const said = await runCommandOrThrow('/usr/bin/python3', [BOTOCORE_SIGNER, pair.keyPairId, key], { input });
    const theirs = said.trimEnd().split('\n');
    assert.equal(theirs.length, vectors.length);
    for (const [i, { name, signedUrl }] of vectors.entries()) {
      assert.deepEqual(parametersOf(signedUrl), { ...parametersOf(theirs[i]), 'Hash-Algorithm': 'SHA256' }, name);
    }
  });
});

/** The URL's parameters as they are written, whatever their order; and the URL without them. */
function parametersOf(url = ''): Record<string, string> {
  const [base = '', query = ''] = url.split('?');
  return { base, ...Object.fromEntries(query.split('&').map((pair) => pair.split('=') as [string, string])) };
}
