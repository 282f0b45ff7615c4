import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { createGuestSignals } from '../../edge-agent/adapters/guest-signals.ts';
import type { AwaitedNode } from '../../edge-agent/ports.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const NEVER = new AbortController().signal;

/** A server that says `greeting` to everybody, on a unix socket, or on a port of its own choice. */
async function speak(t: TestContext, where: string | number, greeting: string): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(greeting);
  });
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  if (typeof where === 'string') server.listen(where);
  else server.listen(where, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const nodeIn = (folder: string, publicAddress?: string): AwaitedNode => ({
  name: 'vc1',
  readySocket: join(folder, 'ready'),
  consoleSocket: join(folder, 'console'),
  publicAddress,
  privateLink: undefined,
});

test('a whole line READY is the sign, even when the socket appears late', async (t) => {
  await using folder = await createTemporaryFolder();
  const waiting = createGuestSignals().awaitReady(nodeIn(folder.path), 30, NEVER);
  await speak(t, join(folder.path, 'ready'), 'noise\r\nREADY vc1\r\n');
  assert.equal(await waiting, 'guest-kit');
});

test('without the sign: BOOT_TIMEOUT with the end of the console, made harmless', async (t) => {
  await using folder = await createTemporaryFolder();
  await speak(t, join(folder.path, 'ready'), 'NOT READY\nREADYISH\nREADY without an end');
  await speak(t, join(folder.path, 'console'), 'booting\r\nKernel panic \u001b[31m!\r\n');
  await assert.rejects(createGuestSignals().awaitReady(nodeIn(folder.path), 1, NEVER), (error) => {
    return hasCode(error, 'BOOT_TIMEOUT') && error.message.endsWith('booting\nKernel panic \\x1b[31m!');
  });
});

test("a frontend's SSH banner counts, other words on its port do not", async (t) => {
  await using folder = await createTemporaryFolder();
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  const banner = await speak(t, 0, 'SSH-2.0-OpenSSH_9.2\r\n');
  const node = nodeIn(folder.path, '127.0.0.1');
  assert.equal(await createGuestSignals({ sshPort: portOf(banner) }).awaitReady(node, 30, NEVER), 'ssh-banner');
  const other = await speak(t, 0, 'HTTP/1.1 400 Bad Request\r\nSSH-1.5-old\r\n');
  await assert.rejects(createGuestSignals({ sshPort: portOf(other) }).awaitReady(node, 1, NEVER), (error) =>
    hasCode(error, 'BOOT_TIMEOUT'),
  );
});

test('stops at once when told to, with the reason that was given', async () => {
  await using folder = await createTemporaryFolder();
  const controller = new AbortController();
  const waiting = createGuestSignals().awaitReady(nodeIn(folder.path), 60, controller.signal);
  controller.abort(new EdgebootError('SHUTDOWN', 'the agent stops'));
  await assert.rejects(waiting, (error) => hasCode(error, 'SHUTDOWN'));
});
