/** A publisher's certificate: the federation's root says whose key signs manifests, and until when. */
import * as z from 'zod';
import { EdgebootError } from '../errors.ts';
import { openEnvelope, parsePayload, signEnvelope } from './dsse.ts';

export const CERTIFICATE_PAYLOAD_TYPE = 'application/vnd.edgeboot.publisher-certificate+json';
const MAX_CERTIFICATE_BYTES = 16 * 1024;
const WHAT = "publisher's certificate";

const certificateSchema = z.strictObject({
  schemaVersion: z.literal(1),
  memberId: z.string().min(1).max(255),
  /** Ed25519, SPKI in PEM. */
  publicKeyPem: z.string().max(1024),
  notAfter: z.iso.datetime(),
});

export type PublisherCertificate = z.infer<typeof certificateSchema>;

/** The certificate as bytes: a DSSE envelope signed by the root. Throws INVALID_CONFIG when the root's key is no Ed25519 key. */
export function issueCertificate(
  subject: Omit<PublisherCertificate, 'schemaVersion'>,
  rootPrivateKeyPem: string,
): Buffer {
  const certificate = certificateSchema.parse({ schemaVersion: 1, ...subject });
  return signEnvelope(CERTIFICATE_PAYLOAD_TYPE, Buffer.from(JSON.stringify(certificate)), rootPrivateKeyPem);
}

/** Throws MANIFEST_UNTRUSTED when the root did not sign it, or when it has expired. */
export function verifyCertificate(
  envelopeBytes: Buffer,
  { rootPublicKeyPem, now }: { readonly rootPublicKeyPem: string; readonly now: Date },
): PublisherCertificate {
  const payload = openEnvelope(envelopeBytes, {
    payloadType: CERTIFICATE_PAYLOAD_TYPE,
    publicKeyPem: rootPublicKeyPem,
    maxPayloadBytes: MAX_CERTIFICATE_BYTES,
    what: WHAT,
  });
  const certificate = parsePayload(payload, certificateSchema, WHAT);
  if (now.getTime() >= Date.parse(certificate.notAfter)) {
    throw new EdgebootError(
      'MANIFEST_UNTRUSTED',
      `The certificate of publisher ${certificate.memberId} expired at ${certificate.notAfter}.`,
    );
  }
  return certificate;
}
