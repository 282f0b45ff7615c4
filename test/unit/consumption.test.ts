/** What changes of a row consume, and how it is summed up. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Deployment, Timeline } from '#shared/deployment.ts';
import type { Warming } from '#shared/warming.ts';
import { summarizeUsage } from '../../cli/usage/summarize-usage.ts';
import {
  consumedByDeployment,
  consumedByWarming,
  consumedSoFar,
  consumptionKey,
  runningOf,
} from '../../functions/consumption.ts';
import { sampleDeployment, sampleWarming } from '../helpers/model-samples.ts';

const AT = '2026-11-25T10:00:00.000Z';
const progress = { bytesFetched: 700, bytesTotal: 1000, partsFetched: 1, partsTotal: 2 };
const TIMELINE: Timeline = {
  ...{ messageReceivedAt: AT, steps: [], bytesFetched: 1000, partsFetched: 1, edgeLocations: ['NRT57-C1'] },
  ...{ cacheHits: 1, cacheMisses: 0, acceleration: 'kvm' },
};
const MONTH = '2026-11';
const none = { clusters: 0, warmings: 0, bytesFetched: 0, clusterSeconds: 0, nodeSeconds: 0 };
const NODES = [
  { name: 'frontend', role: 'frontend' as const, privateAddress: '10.1.1.1' },
  ...[0, 1, 2].map((i) => ({ name: `compute-${i}`, role: 'compute' as const, privateAddress: `10.1.255.${254 - i}` })),
];
const consumed = (before: Partial<Deployment>, after: Partial<Deployment>) => {
  const row = sampleDeployment({ desired: { power: 'on', computes: 3, cpusPerCompute: 1, generation: 1 }, ...before });
  const all = consumedByDeployment(row, { ...row, updatedAt: AT, ...after });
  assert.ok(all.every(({ month }) => month === MONTH));
  return all.map(({ consumption }) => consumption);
};

void suite('a deployment consumes', () => {
  void test('the bytes of its image, and counts, when it runs', () => {
    assert.deepEqual(consumed({ phase: 'BOOTING', progress }, { phase: 'RUNNING', timeline: TIMELINE }), [
      { ...none, clusters: 1, bytesFetched: 1000 },
    ]);
  });

  void test('nothing on the way there, nor by a wish alone', () => {
    assert.deepEqual(consumed({ phase: 'FETCHING' }, { phase: 'FETCHING', progress }), []);
    assert.deepEqual(consumed({ phase: 'FETCHING', progress }, { phase: 'PERSONALIZING' }), []);
    assert.deepEqual(consumed({ phase: 'RUNNING' }, { updatedAt: AT }), []);
  });

  void test('what had come when it is given up', () => {
    for (const phase of ['FAILED', 'DESTROYING'] as const) {
      assert.deepEqual(consumed({ phase: 'FETCHING', progress }, { phase }), [{ ...none, bytesFetched: 700 }]);
    }
    assert.deepEqual(consumed({ phase: 'ACCEPTED' }, { phase: 'FAILED' }), []);
    assert.deepEqual(consumed({ phase: 'DESTROYING', progress }, { phase: 'TERMINATED' }), []);
  });

  void test('the time that it ran, with each of its nodes, when it runs no more', () => {
    const running = { phase: 'RUNNING', runningSince: AT, timeline: TIMELINE, nodes: NODES } as const;
    const updatedAt = '2026-11-25T11:30:00.400Z';
    assert.deepEqual(consumed(running, { phase: 'DESTROYING', updatedAt }), [
      { ...none, clusterSeconds: 5400, nodeSeconds: 4 * 5400 },
    ]);
    // A clock that was set back takes nothing away.
    assert.deepEqual(consumed(running, { phase: 'FAILED', updatedAt: '2026-11-25T09:00:00.000Z' }), []);
  });

  void test('in each month what was in it, whether it is over or not', () => {
    const since = {
      phase: 'RUNNING',
      runningSince: '2026-11-30T22:00:00.000Z',
      timeline: TIMELINE,
      nodes: NODES,
    } as const;
    const row = sampleDeployment(since);
    const until = '2027-01-01T01:00:00.000Z';
    const hours = (count: number) => ({ ...none, clusterSeconds: count * 3600, nodeSeconds: count * 4 * 3600 });
    const expected = [
      { month: '2026-11', consumption: hours(2) },
      { month: '2026-12', consumption: hours(31 * 24) },
      { month: '2027-01', consumption: hours(1) },
    ];
    assert.deepEqual(consumedByDeployment(row, { ...row, phase: 'STOPPED', updatedAt: until }), expected);
    const cluster = runningOf(row) ?? assert.fail();
    const { memberId, siteId, imageId, imageName } = row;
    for (const { month, consumption } of expected) {
      assert.deepEqual(consumedSoFar(cluster, month, until), { memberId, siteId, imageId, imageName, ...consumption });
    }
    assert.equal(consumedSoFar(cluster, '2026-10', until), undefined);
    assert.equal(consumedSoFar(cluster, '2027-02', until), undefined);
  });

  void test('while it is scaled, the time of the nodes that it had, once it has others', () => {
    const running = { phase: 'RUNNING', runningSince: AT, timeline: TIMELINE, nodes: NODES } as const;
    const scaling = { ...running, phase: 'SCALING' } as const;
    const updatedAt = '2026-11-25T11:00:00.000Z';
    const anHour = { ...none, clusterSeconds: 3600, nodeSeconds: 4 * 3600 };
    assert.deepEqual(consumed(running, { phase: 'SCALING', updatedAt }), []);
    const timeline = { ...TIMELINE, bytesFetched: 5 };
    const done = consumed(scaling, { phase: 'RUNNING', nodes: NODES.slice(0, 2), updatedAt, timeline });
    assert.deepEqual(done, [{ ...anHour, bytesFetched: 5 }]);
    assert.deepEqual(consumed(scaling, { phase: 'DESTROYING', updatedAt }), [anHour]);
  });
});

void test('a warming consumes its bytes when it is over', () => {
  const before = sampleWarming({ phase: 'FETCHING', progress });
  const outcome = {
    ...{ bytesFetched: 900, partsFetched: 1, cacheHits: 0, cacheMisses: 1 },
    ...{ edgeLocations: [], seconds: 1 },
  };
  const consumed = (after: Partial<Warming>) => consumedByWarming(before, { ...before, updatedAt: AT, ...after });
  assert.deepEqual(consumed({ phase: 'DONE', outcome }), [
    { month: MONTH, consumption: { ...none, warmings: 1, bytesFetched: 900 } },
  ]);
  assert.deepEqual(consumed({ phase: 'FAILED' }), [{ month: MONTH, consumption: { ...none, bytesFetched: 700 } }]);
  assert.deepEqual(consumed({}), []);
});

void test('no two members share a row, whatever their ids are', () => {
  const ids = ['a', 'a#naist', 'a/b', 'a%23naist', 'ä'];
  const keys = ids.map((memberId) => consumptionKey({ memberId, siteId: 'naist', imageId: 'x' }));
  assert.equal(new Set(keys).size, ids.length);
  assert.ok(keys.every((key) => key.split('#').length === 3));
});

void test('a sum has what its rows have, the dearest first', () => {
  const row = (memberId: string, siteId: string, bytesFetched: number) => ({
    ...{ ...none, memberId, siteId, imageId: 'x', imageName: 'hpc-base', bytesFetched, nodeSeconds: 3600 },
  });
  const rows = [row('alice', 'naist', 1e9), row('bob', 'naist', 3e9), row('alice', 'ucsd', 1e9)];
  const prices = { perGigabyte: 0.1, perNodeHour: 1 };
  const sums = (by: 'member' | 'site' | 'image') =>
    summarizeUsage(rows, by, prices).map(({ name, bytesFetched, costUsd }) => [name, bytesFetched, costUsd.toFixed(2)]);
  assert.deepEqual(sums('member'), [
    ['alice', 2e9, '2.20'],
    ['bob', 3e9, '1.30'],
  ]);
  assert.deepEqual(sums('site'), [
    ['naist', 4e9, '2.40'],
    ['ucsd', 1e9, '1.10'],
  ]);
  assert.deepEqual(sums('image'), [['hpc-base', 5e9, '3.50']]);
});
