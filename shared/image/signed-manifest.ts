/** A manifest under its publisher's signature: the object `images/<imageId>/manifests/<sha256>.json`. */
import { maxEnvelopeBytes, openEnvelope, parsePayload, signEnvelope } from './dsse.ts';
import { type Manifest, manifestSchema, MAX_MANIFEST_BYTES } from './manifest.ts';
import { verifyCertificate } from './publisher-certificate.ts';

export const MANIFEST_PAYLOAD_TYPE = 'application/vnd.edgeboot.manifest+json';
/** Largest object of the kind `manifests`: whoever fetches one stops there. */
export const MAX_SIGNED_MANIFEST_BYTES = maxEnvelopeBytes(MAX_MANIFEST_BYTES);

/** The envelope's bytes, ready for the bucket. Throws INVALID_CONFIG when the key is no Ed25519 key. */
export function signManifest(manifest: Manifest, publisherPrivateKeyPem: string): Buffer {
  const payload = Buffer.from(JSON.stringify(manifestSchema.parse(manifest)));
  return signEnvelope(MANIFEST_PAYLOAD_TYPE, payload, publisherPrivateKeyPem);
}

export interface Trust {
  /** The federation's root, pinned when the site was enrolled. */
  readonly rootPublicKeyPem: string;
  /** The publisher's certificate, as issued. */
  readonly certificate: Buffer;
  readonly now: Date;
}

/**
 * The manifest, once root, certificate and signature agree; only then is it read. Throws MANIFEST_UNTRUSTED. That the manifest
 * is of the image that was asked for is for the caller to check.
 */
export function verifySignedManifest(envelopeBytes: Buffer, trust: Trust): Manifest {
  return openSignedManifest(envelopeBytes, verifyCertificate(trust.certificate, trust).publicKeyPem);
}

/** Name, within an image of a repository without a federation, of the file with its publisher's public key (PEM). */
export const PUBLISHER_KEY_NAME = 'publisher.pem';
export const MAX_PUBLISHER_KEY_BYTES = 4096;

/** The manifest, once its signature is by this key, which the caller has a reason to trust. Throws MANIFEST_UNTRUSTED. */
export function openSignedManifest(envelopeBytes: Buffer, publicKeyPem: string): Manifest {
  const payload = openEnvelope(envelopeBytes, {
    payloadType: MANIFEST_PAYLOAD_TYPE,
    publicKeyPem,
    maxPayloadBytes: MAX_MANIFEST_BYTES,
    what: 'manifest',
  });
  return parsePayload(payload, manifestSchema, 'manifest');
}
