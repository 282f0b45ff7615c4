/**
 * Ed25519 signatures in DSSE envelopes (https://github.com/secure-systems-lab/dsse, protocol 1.0). What is signed is the payload's
 * type together with its bytes, so that a document of one kind never passes for another. The JSON is read only after that.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import * as z from 'zod';
import { EdgebootError } from '../errors.ts';

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const MAX_SIGNATURES = 16;
/** Room for the envelope's own fields around the payload. */
const ENVELOPE_OVERHEAD_BYTES = 16 * 1024;

/** Unknown fields are ignored, as the protocol says. */
const envelopeSchema = z.object({
  payload: z.string().regex(BASE64),
  payloadType: z.string(),
  signatures: z
    .array(z.object({ keyid: z.string().optional(), sig: z.string().max(256).regex(BASE64) }))
    .min(1)
    .max(MAX_SIGNATURES),
});

/** What bytes were signed: the protocol's pre-authentication encoding. Lengths are in bytes. */
export function preAuthenticationEncoding(payloadType: string, payload: Buffer): Buffer {
  const typeBytes = Buffer.byteLength(payloadType);
  return Buffer.concat([Buffer.from(`DSSEv1 ${typeBytes} ${payloadType} ${payload.length} `), payload]);
}

/** Name of a public key: SHA-256 of its SPKI DER, in lower-case hex. A hint only; nothing is decided from it. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The JSON envelope around `payload`. Throws INVALID_CONFIG when the key is not an Ed25519 private key in PEM. */
export function signEnvelope(payloadType: string, payload: Buffer, privateKeyPem: string): Buffer {
  const privateKey = readKey(() => createPrivateKey(privateKeyPem), 'INVALID_CONFIG');
  const signature = sign(null, preAuthenticationEncoding(payloadType, payload), privateKey);
  return Buffer.from(
    JSON.stringify({
      payload: payload.toString('base64'),
      payloadType,
      signatures: [{ keyid: keyIdOf(createPublicKey(privateKey)), sig: signature.toString('base64') }],
    }),
  );
}

export interface ExpectedEnvelope {
  readonly payloadType: string;
  readonly publicKeyPem: string;
  /** A larger payload is refused before anything is decoded. */
  readonly maxPayloadBytes: number;
  /** What it is, for error texts: `manifest`. */
  readonly what: string;
}

/** Largest envelope around a payload of this size. */
export function maxEnvelopeBytes(maxPayloadBytes: number): number {
  return Math.ceil(maxPayloadBytes / 3) * 4 + ENVELOPE_OVERHEAD_BYTES;
}

/** The payload, once one of the signatures was made by the key. Throws MANIFEST_UNTRUSTED. */
export function openEnvelope(envelopeBytes: Buffer, expected: ExpectedEnvelope): Buffer {
  const refuse = (why: string): never => {
    throw new EdgebootError('MANIFEST_UNTRUSTED', `The ${expected.what} ${why}.`);
  };
  if (envelopeBytes.length > maxEnvelopeBytes(expected.maxPayloadBytes)) refuse('is too large');
  const parsed = envelopeSchema.safeParse(parseJson(envelopeBytes));
  if (!parsed.success) return refuse('is not in a DSSE envelope');
  const envelope = parsed.data;
  if (envelope.payloadType !== expected.payloadType) refuse('is an envelope of another type');

  const payload = Buffer.from(envelope.payload, 'base64');
  const publicKey = readKey(() => createPublicKey(expected.publicKeyPem), 'MANIFEST_UNTRUSTED');
  const signed = preAuthenticationEncoding(envelope.payloadType, payload);
  const genuine = envelope.signatures.some(({ sig }) => verify(null, signed, publicKey, Buffer.from(sig, 'base64')));
  return genuine ? payload : refuse('is not signed by the expected key');
}

/** Decodes a verified payload. Throws MANIFEST_UNTRUSTED when it does not follow the schema. */
export function parsePayload<T>(payload: Buffer, schema: z.ZodType<T>, what: string): T {
  const parsed = schema.safeParse(parseJson(payload));
  if (parsed.success) return parsed.data;
  throw new EdgebootError(
    'MANIFEST_UNTRUSTED',
    `The ${what} is signed, but does not follow the schema: ${z.prettifyError(parsed.error)}`,
  );
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function readKey(read: () => KeyObject, code: 'INVALID_CONFIG' | 'MANIFEST_UNTRUSTED'): KeyObject {
  let key: KeyObject | undefined;
  try {
    key = read();
  } catch {
    // The parser's words may quote the key: they stay here.
  }
  if (key?.asymmetricKeyType === 'ed25519') return key;
  throw new EdgebootError(code, 'The key is not an Ed25519 key in PEM.');
}
