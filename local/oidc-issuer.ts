/**
 * The members' identity provider of the embedded cloud: oidc-provider on a loopback port, in memory. It speaks the device flow,
 * and the authorization code flow with PKCE, with the public client `edgeboot-cli` and gives JWT access tokens that carry the member's groups.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { importJWK, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import { readBody } from './aws/aws-json.ts';
import { startLoopbackServer } from './loopback-server.ts';
import {
  API_SCOPE,
  INTERACTION_PATH,
  issuerConfiguration,
  OIDC_CLIENT_ID,
  type IssuerSettings,
  type Member,
} from './oidc/configuration.ts';
import { errorPage, loginPage } from './oidc/pages.ts';
import { createSigningKeys } from './oidc/signing-keys.ts';

export { OIDC_CLIENT_ID, type Member };

/** RS256 tokens of an hour unless it says otherwise. */
export interface OidcIssuerOptions
  extends Pick<IssuerSettings, 'members' | 'audience'>, Partial<Omit<IssuerSettings, 'members' | 'audience'>> {
  /** How often the CLI may ask whether the device was approved; 1 unless given. */
  readonly pollIntervalSeconds?: number;
}

export interface OidcIssuer {
  readonly issuerUrl: string;
  readonly audience: string;
  /**
   * An access token as the issuer's own, signed by its own key, without a log-in; `claims` replace those that it would carry
   * (`exp` in seconds since 1970), to see what becomes of tokens that are expired or meant for somebody else.
   */
  issueToken(memberId: string, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  close(): Promise<void>;
}

/** Starts it; `issuerUrl` answers `/.well-known/openid-configuration` when this resolves. */
export async function startOidcIssuer(options: OidcIssuerOptions): Promise<OidcIssuer> {
  const { members, audience, algorithm = 'RS256', accessTokenLifetimeSeconds = 3_600, deviceFlow = true } = options;
  const keys = await createSigningKeys();
  let listener: RequestListener = (_request, response) => response.writeHead(503).end();
  const server = await startLoopbackServer((request, response) => listener(request, response));
  const provider = new Provider(server.url, {
    ...issuerConfiguration({ members, audience, algorithm, accessTokenLifetimeSeconds, deviceFlow }),
    jwks: { keys },
  });
  provider.on('device_authorization.success', (_ctx: unknown, answer: object) => {
    Object.assign(answer, { interval: options.pollIntervalSeconds ?? 1 });
  });
  const serveProvider = provider.callback();
  listener = (request, response) => {
    if (request.url?.startsWith(INTERACTION_PATH) !== true) void serveProvider(request, response);
    else void logIn(provider, options.members, request, response);
  };

  const groupsOf = (id: string) => options.members.find((member) => member.id === id)?.groups ?? [];
  return {
    issuerUrl: server.url,
    audience,
    issueToken: async (memberId, claims = {}) => {
      const key = keys.find(({ alg }) => alg === algorithm) ?? keys[0];
      const now = Math.floor(Date.now() / 1_000);
      const payload = {
        iss: server.url,
        sub: memberId,
        aud: audience,
        client_id: OIDC_CLIENT_ID,
        scope: API_SCOPE,
        jti: randomBytes(16).toString('base64url'),
        groups: groupsOf(memberId),
        iat: now,
        exp: now + accessTokenLifetimeSeconds,
      };
      const header = { alg: algorithm, typ: 'at+jwt', kid: key?.kid ?? '' };
      return new SignJWT({ ...payload, ...claims }).setProtectedHeader(header).sign(await importJWK(key ?? {}));
    },
    close: () => server.close(),
  };
}

/** The only step that the issuer leaves to us: who is it? */
async function logIn(
  provider: Provider,
  members: readonly Member[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const show = (status: number, html: string) =>
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(html);
  try {
    const { uid, prompt } = await provider.interactionDetails(request, response);
    // A native client asks for consent each time. Whoever has just logged in gives it: the one client is the federation's own.
    if (prompt.name === 'consent') {
      await provider.interactionFinished(request, response, { consent: {} }, { mergeWithLastSubmission: true });
      return;
    }
    if (request.method !== 'POST') {
      show(200, loginPage(INTERACTION_PATH + uid, false));
      return;
    }
    const form = new URLSearchParams(await readBody(request));
    const member = members.find(({ id }) => id === form.get('member'));
    if (member === undefined || (member.password ?? form.get('password')) !== form.get('password')) {
      show(200, loginPage(INTERACTION_PATH + uid, true));
      return;
    }
    await provider.interactionFinished(request, response, { login: { accountId: member.id, remember: false } });
  } catch {
    show(400, errorPage());
  }
}
