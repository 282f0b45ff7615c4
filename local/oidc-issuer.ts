/**
 * The members' identity provider of the embedded cloud: oidc-provider on a loopback port, in memory. It speaks the device flow
 * with the public client `edgeboot-cli` and gives JWT access tokens that carry the member's groups.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { importJWK, SignJWT } from 'jose';
import { errors, Provider, type Configuration } from 'oidc-provider';
import { readBody } from './aws/aws-json.ts';
import { startLoopbackServer } from './loopback-server.ts';
import { confirmationPage, errorPage, loginPage, successPage, userCodePage } from './oidc/pages.ts';
import { createSigningKeys, type SigningAlgorithm } from './oidc/signing-keys.ts';
import { createOidcStore } from './oidc/store.ts';

export const OIDC_CLIENT_ID = 'edgeboot-cli';
const INTERACTION_PATH = '/interaction/';
const API_SCOPE = 'api';

export interface Member {
  /** The tokens' `sub`. */
  readonly id: string;
  /** Absent: the name alone is enough to log in. */
  readonly password?: string;
  /** The tokens' `groups`. */
  readonly groups: readonly string[];
}

export interface OidcIssuerOptions {
  readonly members: readonly Member[];
  /** The tokens' `aud`, an absolute URI. */
  readonly audience: string;
  /** RS256 unless given. */
  readonly algorithm?: SigningAlgorithm;
  /** How often the CLI may ask whether the device was approved; 1 unless given. */
  readonly pollIntervalSeconds?: number;
  /** 3,600 unless given. */
  readonly accessTokenLifetimeSeconds?: number;
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
  const { audience, algorithm = 'RS256', accessTokenLifetimeSeconds = 3_600 } = options;
  const keys = await createSigningKeys();
  let listener: RequestListener = (_request, response) => response.writeHead(503).end();
  const server = await startLoopbackServer((request, response) => listener(request, response));
  const provider = new Provider(server.url, {
    ...configuration(options, algorithm, accessTokenLifetimeSeconds),
    jwks: { keys },
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'device_authorization' && ctx.status === 200) {
      Object.assign(ctx.body as object, { interval: options.pollIntervalSeconds ?? 1 });
    }
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

function configuration(
  { members, audience }: OidcIssuerOptions,
  algorithm: SigningAlgorithm,
  accessTokenLifetimeSeconds: number,
): Configuration {
  const find = (id: string) => members.find((member) => member.id === id);
  return {
    adapter: createOidcStore(),
    clients: [
      {
        client_id: OIDC_CLIENT_ID,
        client_name: 'edgeboot',
        token_endpoint_auth_method: 'none',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: algorithm,
      },
    ],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    ttl: {
      AccessToken: accessTokenLifetimeSeconds,
      DeviceCode: 600,
      Grant: 14 * 86_400,
      IdToken: 3_600,
      Interaction: 600,
      RefreshToken: 14 * 86_400,
      Session: 14 * 86_400,
    },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: {
        enabled: true,
        userCodeInputSource: (ctx, form) => {
          ctx.body = userCodePage(form);
        },
        userCodeConfirmSource: (ctx, form, _client, _deviceInfo, userCode) => {
          ctx.body = confirmationPage(form, userCode);
        },
        successSource: (ctx) => {
          ctx.body = successPage();
        },
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => {
          if (resource !== audience) throw new errors.InvalidTarget();
          return {
            scope: API_SCOPE,
            audience,
            accessTokenFormat: 'jwt',
            accessTokenTTL: accessTokenLifetimeSeconds,
            jwt: { sign: { alg: algorithm } },
          };
        },
      },
    },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub', 'groups'] },
    findAccount: (_ctx, id) => {
      const member = find(id);
      return member && { accountId: id, claims: () => ({ sub: id, groups: [...member.groups] }) };
    },
    extraTokenClaims: (_ctx, token) => {
      const member = 'accountId' in token ? find(token.accountId) : undefined;
      return member && { groups: [...member.groups] };
    },
    interactions: { url: (_ctx, interaction) => INTERACTION_PATH + interaction.uid },
    // Whoever confirmed the code on the page before has consented: the one client is the federation's own.
    loadExistingGrant: async ({ oidc }) => {
      const { client, session, provider } = oidc;
      const known = client && session?.grantIdFor(client.clientId);
      if (known) return provider.Grant.find(known);
      if (!client || !session?.accountId) return undefined;
      const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid offline_access');
      grant.addResourceScope(audience, API_SCOPE);
      await grant.save();
      return grant;
    },
    issueRefreshToken: (_ctx, client) => Promise.resolve(client.grantTypeAllowed('refresh_token')),
    expiresWithSession: () => false,
    renderError: (ctx) => {
      ctx.type = 'html';
      ctx.body = errorPage();
    },
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
    const { uid } = await provider.interactionDetails(request, response);
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
