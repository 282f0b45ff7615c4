/**
 * Who asks? A member, by an access token of the federation's issuer; or a site's agent, by a token of its own key. Whether the
 * asker may do the thing is decided by the operation itself.
 */
import { AGENT_TOKEN_TYPE, type AgentRequest, claimedSiteId, verifyAgentToken } from '#shared/agent-token.ts';
import { EdgebootError } from '#shared/errors.ts';
import { decodeProtectedHeader, type JWTVerifyGetKey, jwtVerify } from 'jose';
import * as z from 'zod';
import type { IdentityContext } from '../http/identity.ts';
import type { SiteStore } from '../ports.ts';

export interface AuthorizeRequestPorts {
  readonly issuer: string;
  readonly audience: string;
  /** The issuer's keys. A token's own `jku` or `x5u` is never followed. */
  readonly issuerKeys: JWTVerifyGetKey;
  readonly sites: Pick<SiteStore, 'findAgentKey'>;
  readonly now: () => Date;
}

const memberClaims = z.object({
  sub: z.string().regex(/^[\w.@|:-]{1,128}$/),
  groups: z.array(z.string().regex(/^[\w.@:-]{1,64}$/)).default([]),
});

/** @param authorization the whole header. Throws UNAUTHENTICATED. */
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
    if (error instanceof EdgebootError) throw error;
    throw new EdgebootError('UNAUTHENTICATED', 'the token is not valid', { cause: error });
  }
}

const typeOf = (token: string): string | undefined => decodeProtectedHeader(token).typ;

async function authorizeMember(token: string, ports: AuthorizeRequestPorts): Promise<IdentityContext> {
  const { payload } = await jwtVerify(token, ports.issuerKeys, {
    issuer: ports.issuer,
    audience: ports.audience,
    algorithms: ['RS256', 'ES256'],
    requiredClaims: ['exp', 'sub'],
    currentDate: ports.now(),
  });
  const claims = memberClaims.parse(payload);
  return { kind: 'member', memberId: claims.sub, groups: claims.groups.join(',') };
}

async function authorizeAgent(
  token: string,
  request: AgentRequest,
  ports: AuthorizeRequestPorts,
): Promise<IdentityContext> {
  const siteId = claimedSiteId(token) ?? '';
  const key = await ports.sites.findAgentKey(siteId);
  if (key === undefined) throw new EdgebootError('UNAUTHENTICATED', 'no agent of that site is enrolled');
  const { audience } = ports;
  const bodySha256 = await verifyAgentToken(token, key.publicKeyPem, { siteId, audience, request, now: ports.now() });
  return { kind: 'agent', siteId, bodySha256 };
}
