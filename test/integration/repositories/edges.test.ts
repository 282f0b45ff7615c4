/** Finding, measuring and choosing edges: real DNS servers, real sockets, one address each. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { test } from 'node:test';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { imageObjectKey } from '#shared/image/manifest.ts';
import { fetchVerified } from '../../../edge-agent/transfer/fetch-verified.ts';
import { createCloudFrontSource } from '../../../edge-agent/repositories/cloudfront.ts';
import { findEdgeCandidates } from '../../../edge-agent/repositories/edge-candidates.ts';
import { GrantHolder } from '../../../edge-agent/repositories/grant-holder.ts';
import { measureEdges } from '../../../edge-agent/repositories/measure-edges.ts';
import { openCloudFront } from '../../../edge-agent/repositories/open-cloudfront.ts';
import { makeGrant } from '../../helpers/edge-fixture.ts';
import { type Fault, type PartServer, type SeenRequest, startPartServer } from '../../helpers/part-server.ts';
import { startResolver } from '../../helpers/resolver.ts';
import { SAMPLE_IMAGE_ID } from '../../helpers/sample-disk.ts';

/** A name that the system's resolver cannot know (RFC 6761). */
const HOST = 'images.edgeboot.test';
const CONTENT = Buffer.from('a part');
const SHA256 = hash('sha256', CONTENT);
const signal = AbortSignal.timeout(30_000);
const PATH = imageObjectKey(SAMPLE_IMAGE_ID, 'parts', SHA256);
const request = { path: PATH, sizeBytes: CONTENT.length };
const objects = new Map([[PATH, CONTENT]]);

interface EdgeWish {
  readonly address: string;
  readonly latencyMilliseconds?: number;
  readonly faultOf?: (request: SeenRequest) => Fault | undefined;
}

/** Edges at several addresses, all at one port. */
async function startEdges(wishes: readonly EdgeWish[]) {
  await using starting = new AsyncDisposableStack();
  const edges: PartServer[] = [];
  for (const wish of wishes) {
    const port = edges[0]?.port ?? 0;
    edges.push(starting.use(await startPartServer({ objects, port, edgeLocation: wish.address, ...wish })));
  }
  const owned = starting.move();
  const baseUrl = `http://${HOST}:${edges[0]?.port ?? 0}`;
  return { edges, baseUrl, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const holderOf = (baseUrl: string): GrantHolder =>
  new GrantHolder(makeGrant(baseUrl), () => Promise.reject(new EdgebootError('FORBIDDEN', 'no renewal in this test')));

test('candidates are all addresses that any resolver gives, each once; a silent resolver does no harm', async () => {
  await using first = await startResolver(() => ['127.0.0.2', '127.0.0.3']);
  await using second = await startResolver(() => ['127.0.0.3', '127.0.0.4']);
  const silent = createSocket('udp4').bind(0, '127.0.0.1');
  await once(silent, 'listening');
  try {
    const resolvers = [first.name, `127.0.0.1:${silent.address().port}`, second.name];
    assert.deepEqual(await findEdgeCandidates(HOST, resolvers), ['127.0.0.2', '127.0.0.3', '127.0.0.4']);
    assert.deepEqual(await findEdgeCandidates(HOST, []), []);
    assert.deepEqual(await findEdgeCandidates('192.0.2.7', resolvers), ['192.0.2.7']);
  } finally {
    silent.close();
  }
});

test('edges are put in order of their round trip; who does not answer is left out', async () => {
  await using edges = await startEdges([
    { address: '127.71.0.1', latencyMilliseconds: 60 },
    { address: '127.71.0.2' },
    { address: '127.71.0.3', latencyMilliseconds: 30 },
  ]);
  const addresses = ['127.71.0.1', '127.71.0.2', '127.71.0.9', '127.71.0.3'];
  const measured = await measureEdges(edges.baseUrl, addresses, signal);
  assert.deepEqual(
    measured.map(({ address }) => address),
    ['127.71.0.2', '127.71.0.3', '127.71.0.1'],
  );
  assert.ok(measured.every(({ roundTripMilliseconds }) => roundTripMilliseconds > 0));
});

test('the nearest edge is asked by address, with the distribution’s Host and the signed query', async () => {
  await using edges = await startEdges([{ address: '127.72.0.1', latencyMilliseconds: 40 }, { address: '127.72.0.2' }]);
  await using resolver = await startResolver(() => ['127.72.0.1', '127.72.0.2']);
  const grants = holderOf(edges.baseUrl);
  await using repository = await openCloudFront({ grants, resolvers: [resolver.name], connections: 4, signal });
  const { bytes, delivery } = await repository.fetch(request, signal);
  assert.ok(bytes.equals(CONTENT));
  assert.equal(delivery.edgeLocation, '127.72.0.2');
  const [far, near] = edges.edges;
  assert.equal(far?.requests.length, 0);
  assert.equal(near?.requests[0]?.host, edges.baseUrl.replace('http://', ''));
  assert.equal(near.requests[0].query, grants.current().signedQuery);
});

test('fault 19: an edge that goes down, or has a corrupt copy, is followed by the next', async () => {
  for (const fault of [{ kind: 'status', status: 502 }, { kind: 'bit-flip' }, { kind: 'endless' }] as const) {
    await using edges = await startEdges([
      { address: '127.73.0.1', latencyMilliseconds: 40 },
      { address: '127.73.0.2', faultOf: () => fault },
    ]);
    await using resolver = await startResolver(() => ['127.73.0.1', '127.73.0.2']);
    const grants = holderOf(edges.baseUrl);
    await using repository = await openCloudFront({ grants, resolvers: [resolver.name], connections: 4, signal });
    const { delivery } = await fetchVerified(repository, request, SHA256, signal);
    assert.equal(delivery.edgeLocation, '127.73.0.1');
  }
});

test('when every address that was measured is gone, the distribution’s name is resolved anew, in the same transfer', async (t) => {
  // Where the name leads, nobody answers at first; the port is kept.
  const closed = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  t.after(() => closed.close());
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  const address = '127.74.0.1';
  await using edge = await startPartServer({ objects, address, port, edgeLocation: 'near' });
  await using resolver = await startResolver(() => [address]);
  const grants = holderOf(`http://localhost:${port}`);
  await using repository = await openCloudFront({ grants, resolvers: [resolver.name], connections: 4, signal });
  assert.deepEqual(
    repository.edges.map((measured) => measured.address),
    [address],
  );
  assert.equal((await repository.fetch(request, signal)).delivery.edgeLocation, 'near');

  await edge[Symbol.asyncDispose]();
  closed.close();
  await once(closed, 'close');
  await using moved = await startPartServer({ objects, port, edgeLocation: 'by name' });
  const { bytes, delivery } = await repository.fetch(request, signal);
  assert.ok(bytes.equals(CONTENT));
  assert.equal(delivery.edgeLocation, 'by name');
  assert.equal(moved.requests[0]?.host, `localhost:${port}`);
  assert.equal(moved.requests[0].query, grants.current().signedQuery);
});

test('no edge at all is said so', async () => {
  const opening = openCloudFront({
    grants: holderOf(`http://${HOST}`),
    resolvers: [],
    connections: 1,
    signal,
  });
  await assert.rejects(opening, (error) => hasCode(error, 'PART_UNAVAILABLE'));
});

test('SNI is the distribution’s name although the connection goes to an address', async () => {
  const named = Promise.withResolvers<string>();
  const server = createTlsServer({
    SNICallback(name, callback) {
      named.resolve(name);
      callback(new Error('seen enough'));
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const grant = makeGrant(`https://${HOST}:${(server.address() as AddressInfo).port}`);
  const source = createCloudFrontSource({ currentGrant: () => grant, address: '127.0.0.1', connections: 1 });
  try {
    await assert.rejects(source.fetch(request, signal), (error) => hasCode(error, 'PART_UNAVAILABLE'));
    assert.equal(await named.promise, HOST);
  } finally {
    await source.close();
    server.close();
  }
});
