import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { maxEnvelopeBytes, openEnvelope, preAuthenticationEncoding, signEnvelope } from '#shared/image/dsse.ts';
import type { Manifest } from '#shared/image/manifest.ts';
import { issueCertificate, verifyCertificate } from '#shared/image/publisher-certificate.ts';
import {
  MANIFEST_PAYLOAD_TYPE,
  signManifest,
  type Trust,
  verifySignedManifest,
} from '#shared/image/signed-manifest.ts';

function toPem({ publicKey, privateKey }: KeyPairKeyObjectResult) {
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
const newKeys = () => toPem(generateKeyPairSync('ed25519'));

const root = newKeys();
const publisher = newKeys();
const stranger = newKeys();
const NOW = new Date('2026-11-23T12:00:00Z');
const subject = { memberId: 'alice', publicKeyPem: publisher.publicKey, notAfter: '2027-11-23T12:00:00Z' };
const certificate = issueCertificate(subject, root.privateKey);
const trust: Trust = { rootPublicKeyPem: root.publicKey, certificate, now: NOW };

const manifest: Manifest = {
  schemaVersion: 1,
  imageId: '01JD0000000000000000000000',
  imageName: 'hpc-base',
  version: 1,
  createdAt: '2026-11-23T00:00:00Z',
  architecture: 'x86_64',
  disks: { frontend: { sizeBytes: 512, index: { sha256: '0'.repeat(64), sizeBytes: 24 }, parts: [] } },
};
const envelope = signManifest(manifest, publisher.privateKey);

const isUntrusted = (error: unknown): boolean => hasCode(error, 'MANIFEST_UNTRUSTED');
/** The envelope with fields replaced. */
function changed(bytes: Buffer, change: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), ...change }));
}
function payloadOf(bytes: Buffer): string {
  return (JSON.parse(bytes.toString()) as { payload: string }).payload;
}
function signaturesOf(bytes: Buffer): { keyid: string; sig: string }[] {
  return (JSON.parse(bytes.toString()) as { signatures: { keyid: string; sig: string }[] }).signatures;
}

test('the pre-authentication encoding is that of the protocol’s own example', () => {
  assert.equal(
    preAuthenticationEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString(),
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  );
});

test('lengths in the encoding are bytes, not characters', () => {
  assert.equal(preAuthenticationEncoding('é', Buffer.from('ü')).toString(), 'DSSEv1 2 é 2 ü');
});

test('a manifest comes back as it was signed', () => {
  assert.deepEqual(verifySignedManifest(envelope, trust), manifest);
});

test('formats §1: a manifest of another architecture is refused, whoever has signed it', () => {
  const other = { ...manifest, architecture: 'aarch64' as 'x86_64' };
  assert.throws(() => signManifest(other, publisher.privateKey));
  const signed = signEnvelope(MANIFEST_PAYLOAD_TYPE, Buffer.from(JSON.stringify(other)), publisher.privateKey);
  assert.throws(() => verifySignedManifest(signed, trust), isUntrusted);
});

test('the key is named by the SHA-256 of its SPKI DER', () => {
  const der = createPublicKey(publisher.publicKey).export({ type: 'spki', format: 'der' });
  assert.equal(signaturesOf(envelope)[0]?.keyid, createHash('sha256').update(der).digest('hex'));
});

test('URL-safe base64, unknown fields, no keyid and further signatures are accepted, as the protocol says', () => {
  const urlSafe = (base64: string): string => base64.replaceAll('+', '-').replaceAll('/', '_');
  const [signature] = signaturesOf(envelope);
  assert.ok(signature !== undefined);
  const rewritten = changed(envelope, {
    payload: urlSafe(payloadOf(envelope)),
    signatures: [{ sig: Buffer.alloc(64).toString('base64') }, { sig: urlSafe(signature.sig), more: true }],
    extension: 1,
  });
  assert.deepEqual(verifySignedManifest(rewritten, trust), manifest);
});

test('a manifest that was changed after signing is refused', () => {
  const payload = Buffer.from(JSON.stringify({ ...manifest, version: 2 })).toString('base64');
  assert.throws(() => verifySignedManifest(changed(envelope, { payload }), trust), isUntrusted);
});

test('a stranger’s signature is refused, whatever key it names', () => {
  const forged = signManifest(manifest, stranger.privateKey);
  assert.throws(() => verifySignedManifest(forged, trust), isUntrusted);
  const signatures = [{ ...signaturesOf(forged)[0], keyid: signaturesOf(envelope)[0]?.keyid }];
  assert.throws(() => verifySignedManifest(changed(forged, { signatures }), trust), isUntrusted);
});

test('a document of another type is no manifest, although the publisher signed it', () => {
  const other = signEnvelope('application/vnd.edgeboot.other+json', Buffer.from('{}'), publisher.privateKey);
  assert.throws(() => verifySignedManifest(other, trust), isUntrusted);
  assert.throws(() => verifySignedManifest(changed(other, { payloadType: MANIFEST_PAYLOAD_TYPE }), trust), isUntrusted);
  assert.throws(() => verifySignedManifest(certificate, trust), isUntrusted);
});

test('what is signed must follow the schema', () => {
  for (const payload of ['{}', 'not JSON', JSON.stringify({ ...manifest, extra: 1 })]) {
    const signed = signEnvelope(MANIFEST_PAYLOAD_TYPE, Buffer.from(payload), publisher.privateKey);
    assert.throws(() => verifySignedManifest(signed, trust), isUntrusted);
  }
});

const notEnvelopes: readonly (readonly [string, Buffer])[] = [
  ['nothing', Buffer.alloc(0)],
  ['no JSON', Buffer.from('\xff\xfe', 'latin1')],
  ['an array', Buffer.from('[]')],
  ['no signature', changed(envelope, { signatures: [] })],
  ['a signature of another length', changed(envelope, { signatures: [{ sig: 'AAAA' }] })],
  ['a payload that is no base64', changed(envelope, { payload: '<manifest/>' })],
  ['very many signatures', changed(envelope, { signatures: Array(17).fill({ sig: '' }) })],
];
for (const [name, bytes] of notEnvelopes) {
  test(`no envelope: ${name}`, () => {
    assert.throws(() => verifySignedManifest(bytes, trust), isUntrusted);
  });
}

test('an envelope beyond the bound is refused before it is read', () => {
  const expected = { payloadType: 't', publicKeyPem: root.publicKey, maxPayloadBytes: 10, what: 'document' };
  const bytes = Buffer.alloc(maxEnvelopeBytes(10) + 1, ' ');
  assert.throws(() => openEnvelope(bytes, expected), /too large/);
});

test('a certificate tells whose key it is', () => {
  assert.deepEqual(verifyCertificate(certificate, { rootPublicKeyPem: root.publicKey, now: NOW }), {
    schemaVersion: 1,
    ...subject,
  });
});

test('a certificate that the root did not sign is refused', () => {
  const forged = issueCertificate(subject, stranger.privateKey);
  assert.throws(() => verifySignedManifest(envelope, { ...trust, certificate: forged }), isUntrusted);
});

test('a certificate for another key does not help', () => {
  const other = issueCertificate({ ...subject, publicKeyPem: stranger.publicKey }, root.privateKey);
  assert.throws(() => verifySignedManifest(envelope, { ...trust, certificate: other }), isUntrusted);
});

test('a certificate ends at its notAfter, to the millisecond', () => {
  const end = Date.parse(subject.notAfter);
  assert.deepEqual(verifySignedManifest(envelope, { ...trust, now: new Date(end - 1) }), manifest);
  assert.throws(() => verifySignedManifest(envelope, { ...trust, now: new Date(end) }), /expired/);
});

test('keys of other kinds are refused', () => {
  const { publicKey, privateKey } = toPem(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  assert.throws(
    () => signManifest(manifest, privateKey),
    (error) => hasCode(error, 'INVALID_CONFIG'),
  );
  assert.throws(() => verifySignedManifest(envelope, { ...trust, rootPublicKeyPem: publicKey }), isUntrusted);
  assert.throws(() => verifySignedManifest(envelope, { ...trust, rootPublicKeyPem: 'no key' }), isUntrusted);
});
