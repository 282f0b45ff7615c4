/** What is consumed, as members and operators read it: on a real engine, from the changes of deployments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConsumptionRow } from '#shared/api/usage.ts';
import type { Deployment } from '#shared/deployment.ts';
import { DynamoDbConsumptionStore } from '../../functions/adapters/dynamodb-consumption.ts';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { consumptionKey } from '../../functions/consumption.ts';
import { readUsage } from '../../functions/read-usage/read-usage.ts';
import { ALICE, controlPlane, MALLORY, OSCAR } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';
import { startStackTable } from '../helpers/stack-table.ts';

const HOUR_SECONDS = 3600;
const NODES = [
  { name: 'frontend', role: 'frontend', privateAddress: '10.1.1.1' },
  { name: 'compute-0', role: 'compute', privateAddress: '10.1.255.254' },
] as const;
const OLGA = { memberId: 'olga', groups: ['federation-operators'] };

test('a cluster that runs counts until now, one that ran counts once, each month for itself', async () => {
  await using stack = await startStackTable();
  const deployments = new DynamoDbDeploymentStore(stack.table);
  const plane = await controlPlane();
  let now = '';
  const consumption = new DynamoDbConsumptionStore(stack.table);
  const ports = { ...plane.ports, consumption, now: () => new Date(now) };
  const change = async (before: Deployment, changes: Partial<Deployment>): Promise<Deployment> => {
    const after = { ...before, version: before.version + 1, updatedAt: now, ...changes };
    await deployments.replace(before, after, undefined, []);
    return after;
  };
  const begin = async (memberId: string, siteId: string): Promise<Deployment> => {
    const wish = sampleDeployment({ memberId, siteId, desired: { ...sampleDeployment().desired, computes: 1 } });
    const made = await deployments.create(wish, sampleEvent(wish), [], undefined);
    return change(made, { phase: 'RUNNING', runningSince: now, nodes: [...NODES] });
  };
  const sums = async (member: typeof ALICE, query: object) => {
    const rows: ConsumptionRow[] = [];
    let next: string | undefined;
    do {
      const page = await readUsage(member, { ...query, ...(next !== undefined && { next }) }, ports);
      rows.push(...page.usage);
      next = page.next === undefined ? undefined : Buffer.from(page.next, 'base64url').toString();
    } while (next !== undefined);
    const sum = (count: 'clusters' | 'clusterSeconds' | 'nodeSeconds') =>
      rows.reduce((total, row) => total + row[count], 0);
    return [sum('clusters'), sum('clusterSeconds') / HOUR_SECONDS, sum('nodeSeconds') / HOUR_SECONDS];
  };

  now = '2026-11-30T20:00:00.000Z';
  const short = await begin('alice', 'naist');
  const long = await begin('alice', 'ucsd');
  await begin('bob', 'naist');
  now = '2026-11-30T22:00:00.000Z';
  assert.deepEqual(await sums(ALICE, {}), [2, 4, 8]);
  await change(short, { phase: 'STOPPED' });
  assert.deepEqual(await sums(ALICE, {}), [2, 4, 8]);
  now = '2026-12-01T01:00:00.000Z';
  assert.deepEqual(await sums(ALICE, { month: '2026-11' }), [2, 6, 12]);
  assert.deepEqual(await sums(ALICE, {}), [0, 1, 2]);
  const more = await change(await change(long, { phase: 'SCALING' }), {
    ...{ phase: 'RUNNING', runningSince: now, nodes: [...NODES, { ...NODES[1], name: 'compute-1' }] },
  });
  now = '2026-12-01T02:00:00.000Z';
  assert.deepEqual(await sums(ALICE, {}), [0, 2, 5]);
  await change(more, { phase: 'FAILED' });
  now = '2026-12-01T05:00:00.000Z';
  assert.deepEqual(await sums(ALICE, {}), [0, 2, 5]);
  assert.deepEqual(await sums(ALICE, { month: '2026-11' }), [2, 6, 12]);

  assert.deepEqual(await sums(OLGA, { everybody: 'true', month: '2026-11' }), [3, 10, 20]);
  assert.deepEqual(await sums(OLGA, { memberId: 'bob' }), [0, 5, 10]);
  assert.deepEqual(await sums(OLGA, { siteId: 'naist' }), [0, 5, 10]);
  assert.deepEqual(await sums(OSCAR, { siteId: 'naist', month: '2026-11' }), [2, 6, 12]);
  await assert.rejects(readUsage(MALLORY, { siteId: 'naist' }, ports), { code: 'FORBIDDEN' });
  await assert.rejects(readUsage(OLGA, { siteId: 'nowhere' }, ports), { code: 'NOT_FOUND' });
  const isRead = plane.trail.some(
    ({ action, actor, siteId, decision }) =>
      action === 'usage.read' && actor === 'member:oscar' && siteId === 'naist' && decision === 'allow',
  );
  assert.ok(isRead);
});

test('where a page of a site ends says nothing of who was at other sites', async () => {
  await using stack = await startStackTable();
  const { table } = stack;
  const { ports: plane } = await controlPlane();
  const ports = { ...plane, consumption: new DynamoDbConsumptionStore(table) };
  const month = '2026-10';
  const { imageId, imageName } = sampleDeployment();
  const counted = { clusters: 1, warmings: 0, bytesFetched: 0, clusterSeconds: 0, nodeSeconds: 0 };
  const at = (memberId: string, siteId: string) => ({ memberId, siteId, imageId, imageName, ...counted });
  /** More than two pages of others', and OSCAR's site here and there. */
  const rows = Array.from({ length: 2200 }, (_, i) => at(`secret-${10_000 + i}`, 'ucsd'));
  const [first, last] = [at('alice', 'naist'), at('zoe', 'naist')];
  const all = [first, ...rows, last].map((row) =>
    table.put({ pk: `CONSUMPTION#${month}`, sk: consumptionKey(row), ...row }),
  );
  for (let i = 0; i < all.length; i += 100) await table.transact(all.slice(i, i + 100));

  const seen: ConsumptionRow[] = [];
  let next: string | undefined;
  do {
    const place = next === undefined ? undefined : Buffer.from(next, 'base64url').toString();
    assert.doesNotMatch(place ?? '', /secret/);
    const page = await readUsage(OSCAR, { siteId: 'naist', month, next: place }, ports);
    seen.push(...page.usage);
    ({ next } = page);
  } while (next !== undefined);
  assert.deepEqual(seen, [first, last]);
});
