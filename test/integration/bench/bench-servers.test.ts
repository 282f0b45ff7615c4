/** The benchmark's servers: real nginx, real roads; what an edge says of its cache, and who counts the bytes. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { Road } from '../../bench/model/flow.ts';
import { SITE_LINK } from '../../bench/model/roads.ts';
import { type Endpoint, startBenchServers } from '../../bench/servers/bench-servers.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const ROAD: Road = { roundTripMs: 20, jitterMs: 1, windowBytes: 500_000, lossRate: 0 };
const DISTANCES = { siteLink: SITE_LINK, far: ROAD, near: ROAD, cold: ROAD, caching: ROAD, miss: ROAD };
const CONTENT = 'x'.repeat(100_000);

async function fetchFrom({ url }: Endpoint) {
  const begun = performance.now();
  const response = await fetch(`${url}/part`);
  assert.equal(await response.text(), CONTENT);
  const edge = response.headers.get('x-amz-cf-pop');
  return { milliseconds: performance.now() - begun, edge, cache: response.headers.get('x-cache') };
}

test('edges say what they are, keep what they should, and lie at the end of their roads', async () => {
  await using folder = await createTemporaryFolder();
  const www = path.join(folder.path, 'www');
  await mkdir(www);
  await writeFile(path.join(www, 'part'), CONTENT);
  await using servers = await startBenchServers({ www, directory: folder.path, distances: DISTANCES });
  const { loopback, far, near, cold, caching } = servers.endpoints;
  const said: Record<string, readonly (string | null)[]> = {};
  for (const [name, endpoint] of Object.entries({ loopback, far, near, cold, caching })) {
    const answers = [await fetchFrom(endpoint), await fetchFrom(endpoint)];
    said[name] = answers.map(({ cache }) => cache);
    for (const { edge } of answers) assert.equal(edge, name === 'loopback' || name === 'far' ? null : 'NRT57-C1');
    // A handshake and a request each way.
    const least = name === 'loopback' ? 0 : name === 'cold' ? 4 * ROAD.roundTripMs : 2 * ROAD.roundTripMs;
    assert.ok((answers[0]?.milliseconds ?? 0) >= least - 4, `${name}: ${answers[0]?.milliseconds} ms`);
  }
  const [hit, miss] = ['Hit from cloudfront', 'Miss from cloudfront'];
  assert.deepEqual(said, {
    loopback: [null, null],
    far: [null, null],
    near: [hit, hit],
    cold: [miss, miss],
    caching: [miss, hit],
  });
  assert.deepEqual(await near.log.take(), { requests: 2, bytes: 2 * CONTENT.length, paths: ['/part', '/part'] });
  assert.deepEqual(await cold.log.take(), { requests: 2, bytes: 2 * CONTENT.length, paths: ['/part', '/part'] });
});
