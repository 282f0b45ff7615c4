/** Key pairs of the federation, its publishers and its agents: Ed25519 throughout. */
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';

export interface KeyPair {
  /** PKCS #8. */
  readonly privateKeyPem: string;
  /** SubjectPublicKeyInfo. */
  readonly publicKeyPem: string;
}

export function newKeyPair(): KeyPair {
  const pair = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  return { privateKeyPem: pair.privateKey, publicKeyPem: pair.publicKey };
}

/** SHA-256, in hex, of the key's SubjectPublicKeyInfo in DER. Throws where `publicKeyPem` is no public key. */
export function publicKeyFingerprint(publicKeyPem: string): string {
  return createHash('sha256')
    .update(createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
