import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';

export type SigningAlgorithm = 'RS256' | 'ES256';

/** A private key as the issuer's key set holds it. */
export type SigningKey = JWK & { readonly kid: string; readonly alg: SigningAlgorithm };

/** A new key of each kind. */
export function createSigningKeys(): Promise<SigningKey[]> {
  const algorithms: SigningAlgorithm[] = ['RS256', 'ES256'];
  return Promise.all(
    algorithms.map(async (alg) => {
      const { privateKey } = await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(privateKey)), alg, kid: randomUUID(), use: 'sig' };
    }),
  );
}
