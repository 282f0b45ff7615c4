/** The keys of one run: they are made for it, stay on this machine but for their public halves, and go with its folder. */
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from 'jose';
import { newKeyPair } from '#shared/keys.ts';
import { createSigningKeyPair, type SigningKeyPair } from '../../local/signing-key-pair.ts';

/** Nobody answers there: it is a name that tokens carry and the authorizer compares. */
export const ISSUER = 'https://issuer.verify.edgeboot.invalid';
export const AUDIENCE = 'https://api.verify.edgeboot.invalid';
/** Longer than a run takes. */
const TOKEN_SECONDS = 3 * 3600;
const ALGORITHM = 'ES256';

export interface Token {
  readonly accessToken: string;
  readonly expiresAt: string;
}

export interface RunKeys {
  readonly root: ReturnType<typeof newKeyPair>;
  /** Its id is not the one that the distribution will give it. */
  readonly signing: SigningKeyPair;
  /** What the authorizer is shown. */
  readonly tokenKeys: JSONWebKeySet;
  /** A member's access token, as a federation's issuer would give it. */
  issueToken(memberId: string, groups: readonly string[]): Promise<Token>;
}

export async function makeKeys(): Promise<RunKeys> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM);
  const kid = 'verify';
  return {
    root: newKeyPair(),
    signing: await createSigningKeyPair(),
    tokenKeys: { keys: [{ ...(await exportJWK(publicKey)), alg: ALGORITHM, use: 'sig', kid }] },
    issueToken: async (memberId, groups) => {
      const expiresAt = new Date(Math.floor(Date.now() / 1000 + TOKEN_SECONDS) * 1000);
      const accessToken = await new SignJWT({ groups })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'at+jwt', kid })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(memberId)
        .setIssuedAt()
        .setExpirationTime(expiresAt)
        .sign(privateKey);
      return { accessToken, expiresAt: expiresAt.toISOString() };
    },
  };
}
