/**
 * How an agent proves who it is: a JWT for this one request, signed with the site's own key. It names the method, the path and
 * the digest of the body (the idea of RFC 9449, DPoP), and lives for a minute.
 */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { decodeJwt, jwtVerify, SignJWT } from 'jose';
import { EdgebootError } from './errors.ts';

/** The `typ` header that tells an agent's token from a member's. */
export const AGENT_TOKEN_TYPE = 'edgeboot-agent+jwt';
const LIFETIME_SECONDS = 60;
/** Clocks of sites may differ from ours by this much. */
export const CLOCK_TOLERANCE_SECONDS = 60;

export interface AgentRequest {
  readonly method: string;
  readonly path: string;
}

/** @param body the exact bytes that will be sent; '' for none. */
export async function signAgentToken(
  siteId: string,
  privateKeyPem: string,
  audience: string,
  request: AgentRequest,
  body: string,
): Promise<string> {
  return new SignJWT({
    method: request.method,
    path: request.path,
    bodySha256: createHash('sha256').update(body).digest('hex'),
  })
    .setProtectedHeader({ alg: 'EdDSA', typ: AGENT_TOKEN_TYPE })
    .setIssuer(siteId)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime(`${LIFETIME_SECONDS} s`)
    .sign(createPrivateKey(privateKeyPem));
}

/** The site that a token claims to come from: not verified yet, good only for finding the key. */
export function claimedSiteId(token: string): string | undefined {
  return decodeJwt(token).iss;
}

/** Answers the body's digest, for the handler to compare. Throws UNAUTHENTICATED. */
export async function verifyAgentToken(
  token: string,
  publicKeyPem: string,
  expected: { readonly siteId: string; readonly audience: string; readonly request: AgentRequest; readonly now: Date },
): Promise<string> {
  const { payload } = await jwtVerify(token, createPublicKey(publicKeyPem), {
    algorithms: ['EdDSA'],
    typ: AGENT_TOKEN_TYPE,
    issuer: expected.siteId,
    audience: expected.audience,
    maxTokenAge: LIFETIME_SECONDS,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['exp', 'iat', 'bodySha256'],
    currentDate: expected.now,
  }).catch((error: unknown) => {
    throw new EdgebootError('UNAUTHENTICATED', "the agent's token is not valid", { cause: error });
  });
  const { method, path, bodySha256 } = payload;
  if (method !== expected.request.method || path !== expected.request.path || typeof bodySha256 !== 'string') {
    throw new EdgebootError('UNAUTHENTICATED', "the agent's token was made for another request");
  }
  return bodySha256;
}
