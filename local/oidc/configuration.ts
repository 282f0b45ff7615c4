/** How the issuer is set up: one public client, one resource, no consent beyond the device's confirmation. */
import { randomBytes } from 'node:crypto';
import { errors, type Configuration } from 'oidc-provider';
import { confirmationPage, errorPage, successPage, userCodePage } from './pages.ts';
import type { SigningAlgorithm } from './signing-keys.ts';
import { createOidcStore } from './store.ts';

export const OIDC_CLIENT_ID = 'edgeboot-cli';
/** Where the log-in stands; the interaction's id follows. */
export const INTERACTION_PATH = '/interaction/';
/** The only scope that the API's tokens carry. */
export const API_SCOPE = 'api';

const DAY_SECONDS = 86_400;
/** The session may end, the CLI stays logged in. */
const LOGGED_IN_SECONDS = 14 * DAY_SECONDS;

export interface Member {
  /** The tokens' `sub`. */
  readonly id: string;
  /** Absent: the name alone is enough to log in. */
  readonly password?: string;
  /** The tokens' `groups`. */
  readonly groups: readonly string[];
}

export interface IssuerSettings {
  readonly members: readonly Member[];
  /** The tokens' `aud`, an absolute URI. */
  readonly audience: string;
  readonly algorithm: SigningAlgorithm;
  readonly accessTokenLifetimeSeconds: number;
  /** Beside the authorization code flow with PKCE, back to a port of the member's machine. */
  readonly deviceFlow: boolean;
}

/** oidc-provider's configuration, all but the keys. */
export function issuerConfiguration(settings: IssuerSettings): Configuration {
  const { members, audience, algorithm, accessTokenLifetimeSeconds, deviceFlow } = settings;
  const find = (id: string) => members.find((member) => member.id === id);
  return {
    adapter: createOidcStore(),
    clients: [
      {
        client_id: OIDC_CLIENT_ID,
        client_name: 'edgeboot',
        token_endpoint_auth_method: 'none',
        application_type: 'native',
        grant_types: [
          ...(deviceFlow ? ['urn:ietf:params:oauth:grant-type:device_code'] : []),
          ...['authorization_code', 'refresh_token'],
        ],
        response_types: ['code'],
        // Of a native client, on any port (RFC 8252, section 7.3).
        redirect_uris: ['http://127.0.0.1/callback'],
        id_token_signed_response_alg: algorithm,
      },
    ],
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    ttl: {
      AccessToken: accessTokenLifetimeSeconds,
      DeviceCode: 600,
      Grant: LOGGED_IN_SECONDS,
      IdToken: 3_600,
      Interaction: 600,
      RefreshToken: LOGGED_IN_SECONDS,
      Session: LOGGED_IN_SECONDS,
    },
    features: {
      devInteractions: { enabled: false },
      deviceFlow: {
        enabled: deviceFlow,
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
