/** `edgeboot login` at a real issuer: with a device flow, and without one over a port of this machine. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { ERROR_KINDS } from '#shared/errors.ts';
import { approveDevice } from '../../../local/approve-device.ts';
import { EDGEBOOT } from '../../../local/federation/program.ts';
import { freePort } from '../../../local/free-port.ts';
import { startOidcIssuer } from '../../../local/oidc-issuer.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import { writeSession } from '../../helpers/write-session.ts';
import { edgeboot, json, playApi } from './edgeboot-process.ts';

const audience = 'https://api.edgeboot.test';
const alice = { id: 'alice', password: 'correct horse', groups: ['members'] };

/** The command, until it shows an address. */
async function beginLogin(t: TestContext, deviceFlow: boolean, args: readonly string[] = []) {
  const issuer = await startOidcIssuer({ members: [alice], audience, deviceFlow });
  t.after(() => issuer.close());
  const api = await playApi(() => json(200, { resource: audience, authorization_servers: [issuer.issuerUrl] }));
  t.after(() => api[Symbol.asyncDispose]());
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const env = { ...process.env, EDGEBOOT_CONFIG_DIRECTORY: folder.path };
  const child = spawn(EDGEBOOT, ['login', '--api', api.url, ...args, '--output', 'json'], {
    ...{ env, stdio: ['ignore', 'pipe', 'pipe'], signal: t.signal },
  });
  t.after(() => child.kill());
  const stdout = text(child.stdout);
  const words: string[] = [];
  const address = Promise.withResolvers<string>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    words.push(line);
    const url = /^Open (http\S+)/.exec(line)?.[1];
    if (url !== undefined) address.resolve(url);
  });
  const ended = once(child, 'close').then(async ([exitCode]) => {
    address.reject(new Error(`it ended with ${String(exitCode)}:\n${words.join('\n')}`));
    return { exitCode: exitCode as number, stdout: await stdout, stderr: words.join('\n') };
  });
  const session = () => readFile(path.join(folder.path, 'session.json'), 'utf8');
  return { url: await address.promise, ended, session };
}

for (const deviceFlow of [true, false]) {
  test(`${deviceFlow ? 'device flow' : 'a port of this machine'}: the member is logged in`, async (t) => {
    const login = await beginLogin(t, deviceFlow);
    await approveDevice(login.url, alice);
    const { exitCode, stdout, stderr } = await login.ended;
    assert.equal(exitCode, 0, stderr);
    assert.equal((JSON.parse(stdout) as { memberId: string }).memberId, 'alice');
    const session = JSON.parse(await login.session()) as Record<string, string>;
    assert.ok(session['accessToken'] !== undefined && session['refreshToken'] !== undefined);
    assert.doesNotMatch(stderr + stdout, new RegExp(session['accessToken']));
  });
}

test('a port of this machine: who does not bring the state is sent away; a refusal ends it', async (t) => {
  const login = await beginLogin(t, false);
  const asked = new URL(login.url).searchParams;
  assert.equal(asked.get('code_challenge_method'), 'S256');
  const callback = new URL(asked.get('redirect_uri') ?? '');
  assert.equal(callback.hostname, '127.0.0.1');
  for (const url of [callback, new URL(`${callback.href}?code=x&state=guessed`), new URL('/', callback)]) {
    assert.equal((await fetch(url)).status, 404, url.href);
  }
  const socket = connect(Number(callback.port), callback.hostname);
  socket.write('GET // HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.match(await text(socket), /^HTTP\/1.1 404 /);
  const refusal = new URL(callback);
  refusal.searchParams.set('state', asked.get('state') ?? '');
  refusal.searchParams.set('error', 'access_denied');
  refusal.searchParams.set('iss', new URL(login.url).origin);
  assert.equal((await fetch(refusal)).status, 200);
  const { exitCode, stdout, stderr } = await login.ended;
  assert.deepEqual([exitCode, stdout], [ERROR_KINDS.UNAUTHENTICATED.exitCode, '']);
  assert.match(stderr, /edgeboot login again/);
});

test('a port of this machine: the browser comes back to the one address that the issuer knows', async (t) => {
  const callback = `http://127.0.0.1:${await freePort()}/callback`;
  const login = await beginLogin(t, false, ['--callback', callback]);
  assert.equal(new URL(login.url).searchParams.get('redirect_uri'), callback);
  await approveDevice(login.url, alice);
  const { exitCode, stderr } = await login.ended;
  assert.equal(exitCode, 0, stderr);
});

test('an issuer that names its clients itself, and has no offline access, is asked accordingly', async (t) => {
  const issuer = await playApi(() => json(200, metadata()));
  t.after(() => issuer[Symbol.asyncDispose]());
  const metadata = () => ({
    ...{ issuer: issuer.url, authorization_endpoint: `${issuer.url}/authorize`, token_endpoint: `${issuer.url}/token` },
    ...{ jwks_uri: `${issuer.url}/jwks`, response_types_supported: ['code'] },
    scopes_supported: ['openid', 'email', 'phone', 'profile'],
  });
  const api = await playApi(() => json(200, { resource: audience, authorization_servers: [issuer.url] }));
  t.after(() => api[Symbol.asyncDispose]());
  const callback = `http://localhost:${await freePort()}/callback`;
  await using folder = await createTemporaryFolder();
  const asked = async (args: readonly string[]) => {
    const child = spawn(EDGEBOOT, ['login', ...args], {
      env: { ...process.env, EDGEBOOT_CONFIG_DIRECTORY: folder.path },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const lines = createInterface({ input: child.stderr });
    const [line] = (await once(lines, 'line')) as [string];
    child.kill();
    await once(child, 'close');
    const query = new URL(line.replace('Open ', '')).searchParams;
    return ['client_id', 'redirect_uri', 'scope', 'resource', 'prompt'].map((name) => query.get(name));
  };
  const way = ['7example', callback, 'openid', audience, null];
  assert.deepEqual(await asked(['--api', api.url, '--client', '7example', '--callback', callback]), way);
  const session = { apiUrl: api.url, issuer: issuer.url, audience, clientId: '7example', callback, accessToken: 'x' };
  await writeSession(folder.path, session);
  assert.deepEqual(await asked([]), way, 'as at the last login');
  const [client] = await asked(['--api', api.url]);
  assert.equal(client, 'edgeboot-cli', 'of another federation nothing is known');
});

test('a browser is sent back to this machine alone', async () => {
  await using api = await playApi(() => json(200, {}));
  for (const callback of [
    'https://localhost:1/c',
    'http://example.org:1/c',
    'http://localhost/c',
    'http://[::1]:1/c',
    'x',
  ]) {
    const { exitCode } = await edgeboot(['login', '--api', api.url, '--callback', callback], api.environment);
    assert.equal(exitCode, ERROR_KINDS.USAGE.exitCode, callback);
  }
  assert.deepEqual(api.requests, []);
});
