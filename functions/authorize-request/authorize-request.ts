/**
 * Who asks? A member, by an access token of the federation's issuer; or a site's agent, by a token of its own key. Whether the
 * asker may do the thing is decided by the operation itself.
 */
import { AGENT_TOKEN_TYPE, type AgentRequest, claimedSiteId, verifyAgentToken } from '#shared/agent-token.ts';
import { EdgebootError } from '#shared/errors.ts';
import { GROUP, MEMBER_ID, SITE_ID } from '#shared/names.ts';
import { decodeProtectedHeader, errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import * as z from 'zod';
import type { IdentityContext } from '../http/identity.ts';
import type { SiteStore } from '../ports.ts';

export interface AuthorizeRequestPorts {
  readonly issuer: string;
  readonly audience: string;
  /** Which claim lists the member's groups. */
  readonly groupsClaim: string;
  /** The issuer's keys. A token's own `jku` or `x5u` is never followed. */
  readonly issuerKeys: JWTVerifyGetKey;
  readonly sites: Pick<SiteStore, 'findAgentKey'>;
  readonly now: () => Date;
}

/** What is wrong with a token, as against what is wrong with the store or the issuer. */
const TOKEN_FAULTS = [
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSMultipleMatchingKeys,
  errors.JWKSNoMatchingKey,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JWTClaimValidationFailed,
  errors.JWTExpired,
  errors.JWTInvalid,
];

const memberClaims = z.object({
  sub: MEMBER_ID,
  /** Issuers have groups of other services, too, named as those like it: such give no right here, and are left out. */
  groups: z
    .array(z.unknown())
    .default([])
    .transform((groups) => groups.filter((group): group is string => GROUP.safeParse(group).success)),
});

/**
 * @param authorization the whole header. Throws UNAUTHENTICATED for what is the token's fault; anything else that is thrown
 *   (the store is busy, the issuer's keys cannot be had) says nothing about the asker.
 */
export async function authorizeRequest(
  authorization: string | undefined,
  request: AgentRequest,
  ports: AuthorizeRequestPorts,
): Promise<IdentityContext> {
  const token = /^Bearer ([\w.-]{1,8192})$/.exec(authorization ?? '')?.[1];
  if (token === undefined) throw new EdgebootError('UNAUTHENTICATED', 'the request has no bearer token');
  try {
    return typeOf(token) === AGENT_TOKEN_TYPE
      ? await authorizeAgent(token, request, ports)
      : await authorizeMember(token, ports);
  } catch (error) {
    if (!TOKEN_FAULTS.some((fault) => error instanceof fault)) throw error;
    throw new EdgebootError('UNAUTHENTICATED', 'the token is not valid', { cause: error });
  }
}

function typeOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).typ;
  } catch (cause) {
    throw new EdgebootError('UNAUTHENTICATED', 'the token has no header that can be read', { cause });
  }
}

async function authorizeMember(token: string, ports: AuthorizeRequestPorts): Promise<IdentityContext> {
  const { payload } = await jwtVerify(token, ports.issuerKeys, {
    issuer: ports.issuer,
    audience: ports.audience,
    algorithms: ['RS256', 'ES256'],
    requiredClaims: ['exp', 'sub'],
    currentDate: ports.now(),
  });
  const claims = memberClaims.safeParse({ sub: payload.sub, groups: payload[ports.groupsClaim] });
  if (!claims.success) throw new EdgebootError('UNAUTHENTICATED', 'the token names no member', { cause: claims.error });
  return { kind: 'member', memberId: claims.data.sub, groups: claims.data.groups.join(',') };
}

async function authorizeAgent(
  token: string,
  request: AgentRequest,
  ports: AuthorizeRequestPorts,
): Promise<IdentityContext> {
  const siteId = SITE_ID.safeParse(claimedSiteId(token)).data;
  const key = siteId === undefined ? undefined : await ports.sites.findAgentKey(siteId);
  if (siteId === undefined || key === undefined) {
    throw new EdgebootError('UNAUTHENTICATED', 'no agent of that site is enrolled');
  }
  const { audience } = ports;
  const bodySha256 = await verifyAgentToken(token, key.publicKeyPem, { siteId, audience, request, now: ports.now() });
  return { kind: 'agent', siteId, bodySha256 };
}
