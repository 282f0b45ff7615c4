/** What is wrong with a peer costs a little time, never a wrong byte and never the transfer; who has no key gets nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, open, readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { request } from 'undici';
import { parsePeerPath } from '../../../edge-agent/peers/peer-messages.ts';
import { FRESH_SECONDS, signPeerRequest } from '../../../edge-agent/peers/peer-signature.ts';
import { createSite, type PeersOfOptions, type Site, SITE_KEY } from '../../helpers/site-agents.ts';

const signal = AbortSignal.timeout(60_000);

/** A peer of the test's own making. */
async function startBadPeer(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Fetches with one such peer; answers what was left out, and whether anything came of it. */
async function fetchWith(site: Site, address: string, options?: PeersOfOptions) {
  const agent = await site.addAgent([address], options);
  const { file, report } = await site.fetchAll(agent, signal);
  assert.ok((await readFile(site.edge.sample.rawFile)).equals(await readFile(file)));
  return { report, leftOut: agent.leftOut.map(([, code]) => code) };
}

const bodies: Readonly<Record<string, RequestListener>> = {
  'sends endlessly': (_, response) => {
    const goOn = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', goOn);
    goOn();
  },
  'announces too much': (_, response) => response.writeHead(200, { 'content-length': 2 ** 40 }).write('x'),
  'dies midway': (_, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write(Buffer.alloc(500), () => response.socket?.resetAndDestroy());
  },
  'sends something else': (_, response) => response.end('<html></html>'),
  redirects: (_, response) => response.writeHead(302, { location: 'http://192.0.2.1/' }).end(),
  fails: (_, response) => response.writeHead(500).end(),
  'is silent': () => undefined,
  drips: (_, response) => response.writeHead(200, { 'content-length': 1000 }).write('x'),
};
for (const [what, listener] of Object.entries(bodies)) {
  test(`a peer that ${what} is left out, and all comes from the edge`, async () => {
    await using site = await createSite();
    await using bad = await startBadPeer((incoming, response) => {
      response.on('error', () => undefined);
      listener(incoming, response);
    });
    const { report, leftOut } = await fetchWith(site, bad.address, { answerSeconds: 0.5 });
    assert.equal(report.peerBytes, 0);
    assert.deepEqual(leftOut, [what === 'sends something else' ? 'PART_CORRUPT' : 'PART_UNAVAILABLE']);
  });
}

test('a peer whose disk is not what it was gives what is right of it, and is left out', async () => {
  await using site = await createSite();
  const first = await site.addAgent([]);
  const { file } = await site.fetchAll(first, signal);
  await chmod(file, 0o600);
  await using handle = await open(file, 'r+');
  await handle.write('not what was published', 1000);
  const { report, leftOut } = await fetchWith(site, first.address);
  assert.deepEqual(leftOut, ['PART_CORRUPT']);
  assert.ok(report.peerBytes > 0 && report.fetchedBytes > 0);
});

test('a peer that only promises is waited for, but not for long', async () => {
  await using site = await createSite();
  let promises = 0;
  await using bad = await startBadPeer((incoming, response) => {
    const frames = parsePeerPath(incoming.url ?? '')?.frames;
    if (frames === undefined) return response.writeHead(404).end();
    promises++;
    return response.end(Buffer.alloc(frames.endFrame - frames.firstFrame, 1));
  });
  const { report } = await fetchWith(site, bad.address, { patienceSeconds: 0.5 });
  assert.equal(report.peerBytes, 0);
  assert.ok(promises > site.edge.sample.parts.length, 'it was asked again');
});

test('an agent with another key gets nothing, and fetches from the edge', async () => {
  await using site = await createSite();
  const first = await site.addAgent([]);
  await site.fetchAll(first, signal);
  const { report, leftOut } = await fetchWith(site, first.address, { key: Buffer.alloc(32, 'x') });
  assert.equal(report.peerBytes, 0);
  assert.deepEqual(leftOut, ['UNAUTHENTICATED']);
});

test('who is no agent of the site learns nothing, not even what there is', async () => {
  await using site = await createSite();
  const { address } = await site.addAgent([]);
  const { sha256 } = site.edge.sample.disk.index;
  const statusOf = async (path: string, key = SITE_KEY, at = new Date()): Promise<number> => {
    const headers = { authorization: signPeerRequest(key, { method: 'GET', path }, at) };
    const { statusCode, body } = await request(`http://${address}${path}`, { headers });
    await body.dump();
    return statusCode;
  };
  const path = `/v1/disks/${sha256}/frames/0-1`;
  assert.equal(await statusOf(path), 404, 'nobody has fetched it yet');
  assert.equal(await statusOf(path.replace('/frames/0-1', '/index')), 404);
  assert.equal(await statusOf('/etc/passwd'), 400);
  assert.equal(await statusOf(path, Buffer.alloc(32)), 401);
  const distance = (FRESH_SECONDS + 5) * 1000;
  assert.equal(await statusOf(path, SITE_KEY, new Date(Date.now() - distance)), 401, 'too old');
  assert.equal(await statusOf(path, SITE_KEY, new Date(Date.now() + distance)), 401, 'of the future');
  const { statusCode } = await request(`http://${address}${path}`);
  assert.equal(statusCode, 401);
});

test('no more than so many connections are taken', async () => {
  await using site = await createSite();
  const { server } = await site.addAgent([]);
  await using stack = new AsyncDisposableStack();
  const sockets = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const socket = stack.adopt(connect(server.port, '127.0.0.1'), (one) => void one.destroy());
      const closed = once(socket, 'close').then(() => 'closed' as const);
      await once(socket, 'connect');
      return { socket, closed };
    }),
  );
  let refused = 0;
  const enough = Promise.withResolvers<undefined>();
  for (const { socket, closed } of sockets) {
    socket.on('error', () => undefined);
    void closed.then(() => ++refused === 8 && enough.resolve(undefined));
  }
  await enough.promise;
});
