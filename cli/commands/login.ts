/** `edgeboot login`: OAuth 2.0 device flow (RFC 8628) with the federation's issuer. */
import { Command } from 'commander';
import { ApiClient } from '#shared/api-client.ts';
import { protectedResourceResponse } from '#shared/api.ts';
import { EdgebootError, hasCode, messageOf } from '#shared/errors.ts';
import * as oidc from 'openid-client';
import { printData, say } from '../output.ts';
import { requireSecureUrl } from '../secure-url.ts';
import { discover, readSession, sessionOf, writeSession } from '../session.ts';

const SCOPE = 'openid offline_access';

export function loginCommand(): Command {
  return new Command('login')
    .description('Log in to a federation. Shows an address and a code to enter there, with any browser.')
    .option('--api <url>', "the federation's API; remembered from the last login")
    .action(async (options: { api?: string }, command: Command) => {
      const apiUrl = options.api ?? (await readSession()).apiUrl;
      const federation = await describeFederation(apiUrl);
      const configuration = await discover(federation.issuer);
      const tokens = await deviceFlow(configuration, federation.audience);
      const session = sessionOf(federation, tokens);
      await writeSession(session);
      const memberId = tokens.claims()?.sub ?? '';
      printData(command, { memberId, apiUrl, expiresAt: session.expiresAt }, () => `logged in as ${memberId}`);
    });
}

async function describeFederation(apiUrl: string) {
  requireSecureUrl(apiUrl, "the API's address");
  const api = new ApiClient(apiUrl, () => Promise.resolve(undefined));
  try {
    const path = '/.well-known/oauth-protected-resource';
    const { resource, authorization_servers } = await api.call({
      method: 'GET',
      path,
      answer: protectedResourceResponse,
    });
    return { apiUrl, issuer: authorization_servers[0] ?? '', audience: resource };
  } catch (error) {
    if (!hasCode(error, 'SERVICE_UNAVAILABLE')) throw error;
    throw new EdgebootError(error.code, `no federation is found at ${apiUrl}: ${error.message}`, {
      remedy: 'Check the address, --api; if it is right, try again later.',
      cause: error,
    });
  } finally {
    await api.close();
  }
}

async function deviceFlow(configuration: oidc.Configuration, resource: string) {
  try {
    const device = await oidc.initiateDeviceAuthorization(configuration, { scope: SCOPE, resource });
    say(`Open ${device.verification_uri_complete ?? device.verification_uri}`);
    say(`and check that it shows the code ${device.user_code}`);
    return await oidc.pollDeviceAuthorizationGrant(configuration, device, { resource });
  } catch (error) {
    throw new EdgebootError('UNAUTHENTICATED', `the login did not succeed: ${messageOf(error)}`, {
      remedy: 'Run edgeboot login again and confirm the code in the browser.',
      cause: error,
    });
  }
}
