/** The member's session: where the API is, and the tokens of the federation's issuer. Tokens are refreshed in time. */
import { ApiClient } from '#shared/api-client.ts';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import * as oidc from 'openid-client';
import * as z from 'zod';
import { readConfigFile, writeConfigFile } from './config-directory.ts';
import { isLoopback, requireSecureUrl } from './secure-url.ts';

const FILE = 'session.json';
/** What the federation's issuer knows this program by, where nobody says otherwise. */
export const CLIENT_ID = 'edgeboot-cli';
/** Refresh a token that has less than this left. */
const REFRESH_BEFORE_SECONDS = 60;

const sessionSchema = z.strictObject({
  apiUrl: z.url(),
  issuer: z.url(),
  audience: z.string(),
  clientId: z.string().default(CLIENT_ID),
  /** Where the issuer sends a browser back to, where it knows one address only: for the next login. */
  callback: z.url().optional(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  expiresAt: z.iso.datetime(),
});
export type Session = z.infer<typeof sessionSchema>;

/** Throws UNAUTHENTICATED where nobody has logged in. */
export async function readSession(): Promise<Session> {
  const text = await readConfigFile(FILE);
  if (text === undefined) {
    throw new EdgebootError('UNAUTHENTICATED', 'you are not logged in', {
      remedy: 'Log in: edgeboot login --api https://…',
    });
  }
  const session = sessionSchema.safeParse(parseJson(text));
  if (session.success) return session.data;
  throw new EdgebootError('UNAUTHENTICATED', 'the session file is damaged', {
    remedy: 'Log in again: edgeboot login --api https://…',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function writeSession(session: Session): Promise<void> {
  await writeConfigFile(FILE, JSON.stringify(session, null, 2));
}

/** The API, as the member who is logged in. Throws UNAUTHENTICATED; USAGE where the token would go out over plain HTTP. */
export async function openApi(): Promise<ApiClient> {
  let session = await readSession();
  requireSecureUrl(session.apiUrl, "the API's address");
  return new ApiClient(session.apiUrl, async () => {
    if (Date.parse(session.expiresAt) - Date.now() < REFRESH_BEFORE_SECONDS * 1000) session = await refresh(session);
    return `Bearer ${session.accessToken}`;
  });
}

/** What the issuer says of itself. Throws USAGE where that is over plain HTTP from elsewhere, SERVICE_UNAVAILABLE. */
export async function discover(issuer: string, clientId: string): Promise<oidc.Configuration> {
  const url = requireSecureUrl(issuer, "the address of the federation's issuer");
  try {
    return await oidc.discovery(url, clientId, undefined, oidc.None(), {
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so only to stand out: plain HTTP on loopback is meant
      ...(isLoopback(url) && { execute: [oidc.allowInsecureRequests] }),
    });
  } catch (error) {
    throw new EdgebootError('SERVICE_UNAVAILABLE', `the issuer ${issuer} cannot be reached: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The tokens of an answer, as they are kept. */
export function sessionOf(
  federation: Pick<Session, 'apiUrl' | 'issuer' | 'audience' | 'clientId' | 'callback'>,
  tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
): Session {
  const { apiUrl, issuer, audience, clientId, callback } = federation;
  return {
    apiUrl,
    issuer,
    audience,
    clientId,
    ...(callback !== undefined && { callback }),
    accessToken: tokens.access_token,
    ...(tokens.refresh_token !== undefined && { refreshToken: tokens.refresh_token }),
    expiresAt: new Date(Date.now() + (tokens.expiresIn() ?? 0) * 1000).toISOString(),
  };
}

async function refresh(session: Session): Promise<Session> {
  if (session.refreshToken === undefined) {
    throw new EdgebootError('UNAUTHENTICATED', 'your session has ended');
  }
  try {
    const configuration = await discover(session.issuer, session.clientId);
    const tokens = await oidc.refreshTokenGrant(configuration, session.refreshToken, { resource: session.audience });
    const fresh = { refreshToken: session.refreshToken, ...sessionOf(session, tokens) };
    await writeSession(fresh);
    return fresh;
  } catch (error) {
    if (error instanceof EdgebootError) throw error;
    throw new EdgebootError('UNAUTHENTICATED', 'your session has ended', { cause: error });
  }
}
