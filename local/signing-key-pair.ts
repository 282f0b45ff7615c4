import { generateKeyPair, randomInt } from 'node:crypto';
import { promisify } from 'node:util';

/** A pair of the distribution's key group. */
export interface SigningKeyPair {
  /** As CloudFront names a public key: `K` and 13 capital letters and digits. */
  readonly keyPairId: string;
  readonly publicKeyPem: string;
  readonly privateKeyPem: string;
}

const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const ID_LENGTH = 13;

/** A new RSA pair of 2,048 bits, the size that CloudFront takes. */
export async function createSigningKeyPair(): Promise<SigningKeyPair> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const id = Array.from({ length: ID_LENGTH }, () => ID_ALPHABET[randomInt(ID_ALPHABET.length)]).join('');
  return { keyPairId: `K${id}`, publicKeyPem: publicKey, privateKeyPem: privateKey };
}
