/** Warmings by the agent's own code, at edges that count hits and misses. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import { ulid } from 'ulid';
import { cachedImages } from '../../edge-agent/cache/cached-images.ts';
import { readStoredBases } from '../../edge-agent/cache/stored-bases.ts';
import { setAccess } from '../../functions/operate-site/operate-site.ts';
import type { Intercept } from '../../local/distribution/edge-location.ts';
import { OSCAR } from '../helpers/control-plane.ts';
import { SAMPLE_IMAGE_ID } from '../helpers/sample-disk.ts';
import { warmingSite } from '../helpers/warming-site.ts';

type Site = Awaited<ReturnType<typeof warmingSite>>;

/** Parts and the index; the manifest is not counted. */
const objectsOf = ({ sample }: Site): number => sample.objects.size;
const bytesOf = ({ sample }: Site): number => [...sample.objects.values()].reduce((sum, { length }) => sum + length, 0);
const filesIn = async (directory: string): Promise<string[]> => {
  const all = await readdir(directory, { recursive: true, withFileTypes: true });
  return all.filter((one) => one.isFile()).map(({ name }) => name);
};

const flipped = (body: Buffer): Buffer => {
  const copy = Buffer.from(body);
  copy.writeUInt8(copy.readUInt8(100) ^ 1, 100);
  return copy;
};
/** Every part that these locations send has a bit flipped. */
const corrupting =
  (...codes: readonly string[]): Intercept =>
  ({ location, path }, answer) =>
    codes.includes(location) && path.includes('/parts/') && Buffer.isBuffer(answer.body)
      ? { ...answer, body: flipped(answer.body) }
      : answer;

test('the first finds the nearest edge cold, the second finds all there; nothing stays at the site', async (t) => {
  const site = await warmingSite(t);
  const first = await site.warm();
  const { seconds, ...cold } = first?.outcome ?? {};
  assert.equal(first?.phase, 'DONE');
  assert.ok(objectsOf(site) >= 5);
  assert.deepEqual(cold, {
    bytesFetched: bytesOf(site),
    partsFetched: objectsOf(site),
    edgeLocations: ['NRT57-C1'],
    cacheHits: 0,
    cacheMisses: objectsOf(site),
  });
  assert.ok(seconds !== undefined && seconds > 0);
  const again = await site.warm();
  assert.deepEqual([again?.outcome?.cacheHits, again?.outcome?.cacheMisses], [objectsOf(site), 0]);
  assert.equal(again?.outcome?.bytesFetched, bytesOf(site));
  assert.equal(site.origin.requests.length, objectsOf(site) + 1, 'each object, and the manifest, once');
  assert.deepEqual(await filesIn(site.cacheDirectory), []);
  assert.equal(site.deleted.length, 2);
});

test('kept, it is at the site, complete: the next one fetches nothing', async (t) => {
  const site = await warmingSite(t);
  const kept = await site.warm(true);
  assert.deepEqual([kept?.phase, kept?.outcome?.edgeLocations], ['DONE', ['NRT57-C1']]);
  const file = site.ports.baseImages.fileOf(site.sample.disk);
  assert.ok((await readFile(file)).equals(await readFile(site.sample.rawFile)));
  const cachedBytes = site.sample.disk.parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const announced = cachedImages(await readStoredBases(site.cacheDirectory));
  assert.deepEqual(announced, [{ imageId: SAMPLE_IMAGE_ID, version: 1, cachedBytes }], 'as the agent announces it');
  const before = site.distribution.stats()['NRT']?.bytes;
  const next = await site.warm(true);
  assert.deepEqual([next?.phase, next?.outcome?.bytesFetched], ['DONE', 0]);
  assert.equal(site.distribution.stats()['NRT']?.bytes, before);
});

test('a second copy of the message finds it done, and fetches nothing', async (t) => {
  const site = await warmingSite(t);
  const done = await site.warm();
  assert.ok(done);
  const before = site.distribution.stats()['NRT']?.bytes;
  await site.handleOnce(done.warmingId, t.signal, site.grant());
  assert.equal(site.distribution.stats()['NRT']?.bytes, before);
  assert.deepEqual(await site.control.warmings.find(done.warmingId), done);
  assert.equal(site.deleted.length, 2);
});

for (const keep of [false, true]) {
  test(`two at once of one image${keep ? ', kept,' : ''} both come to their end`, async (t) => {
    const site = await warmingSite(t);
    const both = await Promise.all([site.warm(keep), site.warm(keep)]);
    assert.deepEqual(
      both.map((warming) => warming?.phase),
      ['DONE', 'DONE'],
    );
    assert.ok(site.origin.requests.length <= objectsOf(site) + 1, 'the edge asks the origin for each object once');
  });

  test(`stopped in the middle${keep ? ', kept,' : ''} it goes on with what is there`, async (t) => {
    const shutdown = new AbortController();
    let answered = 0;
    const site = await warmingSite(t, ({ path }, answer) => {
      if (path.includes('/parts/') && ++answered === 3) {
        shutdown.abort(new EdgebootError('SHUTDOWN', 'the agent was stopped'));
      }
      return answer;
    });
    const { warmingId } = await site.ask(keep);
    await assert.rejects(site.handleOnce(warmingId, shutdown.signal, site.grant()), { code: 'SHUTDOWN' });
    assert.equal((await site.control.warmings.find(warmingId))?.phase, 'FETCHING');
    assert.deepEqual(site.deleted, []);
    await site.handleOnce(warmingId, t.signal, site.grant());
    const done = await site.control.warmings.find(warmingId);
    assert.equal(done?.phase, 'DONE');
    assert.ok((done.outcome?.cacheMisses ?? Infinity) <= objectsOf(site) - 3, 'those that the edge has are no misses');
    assert.deepEqual(site.deleted, [warmingId]);
  });
}

test('of edges that are all as near, one alone answers: it has everything then', async (t) => {
  const site = await warmingSite(t, undefined, { apartMs: 0 });
  for (const keep of [false, true]) {
    const { phase, outcome } = (await site.warm(keep)) ?? {};
    assert.deepEqual([phase, outcome?.edgeLocations.length], ['DONE', 1]);
  }
});

test('the nearest edge that refuses each object once is asked again, not the next one', async (t) => {
  const refused = new Set<string>();
  const site = await warmingSite(t, ({ path }, answer) => {
    if (refused.has(path)) return answer;
    refused.add(path);
    return { ...answer, status: 503 };
  });
  const { phase, outcome } = (await site.warm()) ?? {};
  assert.deepEqual([phase, outcome?.edgeLocations, outcome?.partsFetched], ['DONE', ['NRT57-C1'], objectsOf(site)]);
});

test('where the nearest edge answers nothing, the next one is warmed, and the outcome says which', async (t) => {
  const silent: Intercept = ({ location, path }, answer) =>
    location === 'NRT' && path.includes('/parts/') ? { ...answer, status: 503 } : answer;
  const site = await warmingSite(t, silent, { retrySeconds: 1 });
  const { phase, outcome } = (await site.warm()) ?? {};
  assert.equal(phase, 'DONE');
  assert.ok(outcome?.edgeLocations.some((location) => location.startsWith('SIN')));
});

test('a copy that the nearest edge spoils comes from the next one', async (t) => {
  const site = await warmingSite(t, corrupting('NRT'));
  const { phase, outcome } = (await site.warm()) ?? {};
  assert.equal(phase, 'DONE');
  assert.ok(outcome?.edgeLocations.some((location) => !location.startsWith('NRT')));
});

test('spoiled everywhere, it fails with that reason', async (t) => {
  const site = await warmingSite(t, corrupting('NRT', 'SIN', 'SFO'));
  const { phase, failure } = (await site.warm()) ?? {};
  assert.deepEqual([phase, failure?.code], ['FAILED', 'PART_CORRUPT']);
  assert.equal(site.deleted.length, 1);
});

test('an image whose parts are gone fails with that reason', async (t) => {
  const site = await warmingSite(t);
  for (const key of site.origin.objects.keys()) if (key.includes('/parts/')) site.origin.objects.delete(key);
  const { phase, failure } = (await site.warm()) ?? {};
  assert.deepEqual([phase, failure?.code], ['FAILED', 'NOT_FOUND']);
});

test('an image version that is gone fails with that reason, before anything is fetched', async (t) => {
  const site = await warmingSite(t);
  const accepted = await site.ask();
  const gone = { ...accepted, imageVersion: 9, warmingId: ulid() };
  const { warmingId } = await site.control.warmings.create(gone, [], undefined);
  await site.handleOnce(warmingId, t.signal, site.grant());
  const { phase, failure } = (await site.control.warmings.find(warmingId)) ?? {};
  assert.deepEqual([phase, failure?.code, failure?.message], ['FAILED', 'NOT_FOUND', 'near-base@9 is gone']);
  assert.equal(site.origin.requests.length, 0);
});

test('whose grant of the site is taken back while its message waits fails with that reason: nothing is fetched', async (t) => {
  const site = await warmingSite(t);
  const { warmingId } = await site.ask();
  const { access } = (await site.control.sites.find('naist')) ?? assert.fail();
  await setAccess(OSCAR, 'naist', { ...access, grants: [{ member: 'bob', images: 'all', quota: {} }] }, site.control);
  await site.handleOnce(warmingId, t.signal, site.grant(-60));
  const { phase, failure } = (await site.control.warmings.find(warmingId)) ?? {};
  assert.deepEqual([phase, failure?.code], ['FAILED', 'ACCESS_WITHDRAWN']);
  assert.deepEqual(site.deleted, [warmingId]);
  assert.equal(site.origin.requests.length, 0);
});

for (const seconds of [-60, undefined]) {
  const what =
    seconds === undefined
      ? 'for a message without a grant one is asked for'
      : 'a grant that expired while the message waited is renewed';
  test(`${what}, on record`, async (t) => {
    const site = await warmingSite(t);
    const { warmingId } = await site.ask();
    await site.handleOnce(warmingId, t.signal, seconds === undefined ? undefined : site.grant(seconds));
    assert.equal((await site.control.warmings.find(warmingId))?.phase, 'DONE');
    assert.deepEqual(
      site.trail.map(({ action, decision, sequence }) => [action, decision, sequence]),
      [
        ['warming.request', 'allow', 1],
        ['urls.mint', 'allow', 2],
        ['warming.report', 'allow', 3],
      ],
    );
  });
}
