/** `edgeboot login`: at the federation's issuer, in a browser. */
import { Command } from 'commander';
import { ApiClient } from '#shared/api-client.ts';
import { protectedResourceResponse } from '#shared/api/discovery.ts';
import { EdgebootError, hasCode, messageOf } from '#shared/errors.ts';
import type * as oidc from 'openid-client';
import { parseCallback } from '../login/callback.ts';
import { deviceFlow } from '../login/device-flow.ts';
import { loopbackFlow } from '../login/loopback-flow.ts';
import { printData } from '../output.ts';
import { requireSecureUrl } from '../secure-url.ts';
import { CLIENT_ID, discover, readSession, sessionOf, writeSession } from '../session.ts';

interface LoginOptions {
  readonly api?: string;
  readonly client?: string;
  readonly callback?: string;
}

export function loginCommand(): Command {
  return new Command('login')
    .description(
      'Log in to a federation. Shows an address to open: with a code to check there in any browser, or in one on this machine.',
    )
    .option('--api <url>', "the federation's API; it, and what else was said then, is remembered from the last login")
    .option(
      '--client <id>',
      `what the issuer knows this program by, where it chooses such names itself; ${CLIENT_ID} by default`,
    )
    .option(
      '--callback <url>',
      'the address of this machine that the issuer sends a browser back to, where it knows only one: http://localhost:8400/callback',
    )
    .action(async (options: LoginOptions, command: Command) => {
      const { apiUrl, clientId, callback } = await readWay(options);
      const federation = await describeFederation(apiUrl);
      const configuration = await discover(federation.issuer, clientId);
      const tokens = await askForTokens(configuration, federation.audience, callback);
      const session = sessionOf({ ...federation, clientId, callback: callback?.href }, tokens);
      await writeSession(session);
      const memberId = tokens.claims()?.sub ?? '';
      printData(command, { memberId, apiUrl, expiresAt: session.expiresAt }, () => `logged in as ${memberId}`);
    });
}

/** Another federation is told nothing of what holds at the last one. Throws USAGE; UNAUTHENTICATED where none is remembered. */
async function readWay({ api, client, callback }: LoginOptions) {
  const given = readCallback(callback);
  if (api !== undefined) return { apiUrl: api, clientId: client ?? CLIENT_ID, callback: given };
  const last = await readSession();
  return { apiUrl: last.apiUrl, clientId: client ?? last.clientId, callback: given ?? readCallback(last.callback) };
}

const readCallback = (text: string | undefined): URL | undefined =>
  text === undefined ? undefined : parseCallback(text);

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

/** The device flow, wherever the issuer has it: the browser may then be anywhere. Throws UNAUTHENTICATED. */
async function askForTokens(configuration: oidc.Configuration, resource: string, callback: URL | undefined) {
  const hasDeviceFlow = configuration.serverMetadata().device_authorization_endpoint !== undefined;
  try {
    return await (hasDeviceFlow
      ? deviceFlow(configuration, resource)
      : loopbackFlow(configuration, resource, callback));
  } catch (error) {
    throw new EdgebootError('UNAUTHENTICATED', `the login did not succeed: ${messageOf(error)}`, {
      remedy: `Run edgeboot login again, and ${hasDeviceFlow ? 'confirm the code' : 'log in'} in the browser.`,
      cause: error,
    });
  }
}
