import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { startChildServer } from '../../../local/child-server.ts';

void suite('a server that runs as a child process', { timeout: 20_000 }, () => {
  const options = (script: string) => ({
    name: 'the server',
    command: process.execPath,
    args: ['-e', script],
    environment: {},
    directory: '/',
    readyTimeoutSeconds: 10,
    judge: (line: string) => (line === 'ready' ? 'ready' : line.startsWith('Error:') ? 'failed' : undefined) as never,
    log: () => undefined,
  });
  const forEver = 'setInterval(() => {}, 60000);';

  void test('is ready when it says so, and is ended even when it does not listen to SIGTERM', async () => {
    const server = await startChildServer(options(`process.on('SIGTERM', () => {}); console.log('ready'); ${forEver}`));
    await server.close();
    assert.throws(() => process.kill(server.pid, 0), { code: 'ESRCH' });
    await server.close();
  });

  void test('fails with its last words when it ends, complains or stays silent', async () => {
    const failure = (message: RegExp) => ({ name: 'EdgebootError', code: 'SERVICE_UNAVAILABLE', message });
    await assert.rejects(
      startChildServer(options(`console.log('no port left')`)),
      failure(/ended at once\.\nno port left/),
    );
    await assert.rejects(
      startChildServer(options(`console.error('Error: bad configuration'); ${forEver}`)),
      failure(/failed to start\.\nError: bad configuration/),
    );
    await assert.rejects(
      startChildServer({ ...options(forEver), readyTimeoutSeconds: 0.5 }),
      failure(/not ready within 0.5 s/),
    );
  });

  void test('dies with us when we are killed without a word', async () => {
    const program = spawn(process.execPath, ['test/fixtures/start-database.ts'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [endpoint] = (await once(createInterface({ input: program.stdout }), 'line')) as [string];
    const { port } = new URL(endpoint);
    const connection = await connectTo(port);
    program.kill('SIGKILL');
    await connection.closed;
    // The kernel closes a dead process's connections before its listening socket: one or two may still get in.
    const getIn = async () => {
      for (;;) await (await connectTo(port)).closed;
    };
    await assert.rejects(getIn, { code: 'ECONNREFUSED' });
  });
});

async function connectTo(port: string): Promise<{ closed: Promise<unknown> }> {
  const connection = createConnection(Number(port), '127.0.0.1');
  await once(connection, 'connect');
  // However it ends: a reset is an end, too.
  return { closed: new Promise((resolve) => connection.on('error', () => undefined).once('close', resolve)) };
}
