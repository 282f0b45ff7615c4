/** The road between real sockets: what is sent arrives unchanged, and not before its time. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import type { Road } from '../../bench/model/flow.ts';
import { startRoadServer } from '../../bench/model/road-server.ts';
import { seededRandom } from '../../helpers/seeded-random.ts';

const LINK = { bytesPerSecond: 100e6, queueBytes: 10e6 };
const ROAD: Road = { roundTripMs: 40, jitterMs: 5, windowBytes: 200_000, lossRate: 0.001 };

/** A server behind a road that answers every connection, once it has said something to its end, as `answer` does. */
async function behindRoad(t: TestContext, answer: (asked: Buffer, viewer: Socket) => void, road: Road = ROAD) {
  const target = createServer({ allowHalfOpen: true }, (viewer) => {
    viewer.on('error', () => undefined);
    void buffer(viewer).then((asked) => answer(asked, viewer));
  }).listen(0, '127.0.0.1');
  await once(target, 'listening');
  const targetPort = (target.address() as AddressInfo).port;
  const server = await startRoadServer({ road, link: LINK, targetPort, random: seededRandom(3) });
  t.after(async () => {
    target.close();
    await server.close();
  });
  return server.port;
}

test('both directions pass unchanged to their ends, losses or not', async (t) => {
  const answered = randomBytes(1_500_000);
  const port = await behindRoad(t, (asked, viewer) => viewer.end(Buffer.concat([asked, answered])));
  const asked = randomBytes(300_000);
  const viewer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  viewer.end(asked);
  assert.ok((await buffer(viewer)).equals(Buffer.concat([asked, answered])));
});

test('the first byte takes a round trip for the handshake and one for the request; then a window each', async (t) => {
  const port = await behindRoad(t, (_, viewer) => viewer.end(Buffer.alloc(1_000_000)), { ...ROAD, lossRate: 0 });
  const begun = performance.now();
  const viewer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  viewer.end('?');
  await once(viewer, 'readable');
  const firstByteMs = performance.now() - begun;
  // Timers may fire half a millisecond early on each of the four ways.
  assert.ok(firstByteMs >= 2 * ROAD.roundTripMs - 2, `${firstByteMs} ms`);
  assert.equal((await buffer(viewer)).length, 1_000_000);
  const wholeMs = performance.now() - begun;
  const least = (1_000_000 / ROAD.windowBytes) * ROAD.roundTripMs;
  assert.ok(wholeMs >= least, `${wholeMs} ms`);
});

test('a server that breaks off is seen as such', async (t) => {
  const port = await behindRoad(t, (_, viewer) => viewer.resetAndDestroy());
  const viewer = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  viewer.end('?');
  await assert.rejects(buffer(viewer));
});
