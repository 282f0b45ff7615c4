/**
 * The authorization code flow with PKCE over a port of this machine (RFC 8252, RFC 7636), for an issuer without a device flow: the
 * browser runs here, and is sent back here with a code that is worth nothing to anybody else.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as oidc from 'openid-client';
import { say } from '../output.ts';
import { ANY_CALLBACK } from './callback.ts';
import { asksToStay, scopeOf } from './scope.ts';

const LIMIT_MS = 600_000;

/**
 * Throws what the issuer says, and where nobody comes back within ten minutes.
 * @param resource what the token is for @param address where the browser shall be sent back to
 */
export async function loopbackFlow(configuration: oidc.Configuration, resource: string, address = ANY_CALLBACK) {
  const [pkceCodeVerifier, state] = [oidc.randomPKCECodeVerifier(), oidc.randomState()];
  const callback = await awaitCallback(address, state);
  try {
    const url = oidc.buildAuthorizationUrl(configuration, {
      redirect_uri: callback.redirectUri,
      scope: scopeOf(configuration),
      resource,
      state,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      // Without it an issuer that has offline access need not give a refresh token.
      ...(asksToStay(configuration) && { prompt: 'consent' }),
    });
    say(`Open ${url.href}`);
    say('in a browser on this machine.');
    const answered = await callback.answered;
    return await oidc.authorizationCodeGrant(
      configuration,
      answered,
      { pkceCodeVerifier, expectedState: state, idTokenExpected: true },
      { resource },
    );
  } finally {
    callback.close();
  }
}

/** Listens on the loopback, on the address's port; 0 is one that the system chooses. Whatever does not bring our state is not for us. */
async function awaitCallback(address: URL, state: string) {
  const { promise: answered, resolve, reject } = Promise.withResolvers<URL>();
  // Whoever waits hears of it; while nobody does yet, it is no crash.
  answered.catch(() => undefined);
  const server = createServer((request, response) => {
    const url = URL.parse(request.url ?? '/', redirectUri());
    const isCallback = request.method === 'GET' && url?.pathname === address.pathname;
    if (!isCallback || url.searchParams.get('state') !== state) {
      show(response, 404, 'Nothing is here.');
      return;
    }
    show(response, 200, 'You may close this page, and go back to the terminal.');
    resolve(url);
  });
  const redirectUri = (): string =>
    `http://${address.hostname}:${(server.address() as AddressInfo).port}${address.pathname}`;
  await new Promise<void>((listening, failed) =>
    server.once('error', failed).listen(Number(address.port), '127.0.0.1', listening),
  );
  const timer = setTimeout(() => reject(new Error('nobody came back from the browser in time')), LIMIT_MS);
  return {
    redirectUri: redirectUri(),
    answered,
    close: () => {
      clearTimeout(timer);
      server.close();
      server.closeAllConnections();
    },
  };
}

function show(response: ServerResponse, status: number, words: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, headers).end(`${words}\n`);
}
