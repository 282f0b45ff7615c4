/** The flow without a federation: what it asks for, in which order, and what is left when it fails. Formats, sections 1, 2 and 6. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import type { ClusterPlan } from '../../../edge-agent/core/plan-cluster.ts';
import { Stopwatch } from '../../../edge-agent/run.ts';
import { boot, type BootWish } from '../../../edge-agent/standalone/boot.ts';
import { clean } from '../../../edge-agent/standalone/clean.ts';
import { listClusters } from '../../../edge-agent/standalone/clusters.ts';
import type { FoundImage } from '../../../edge-agent/standalone/ports.ts';
import { shutdown } from '../../../edge-agent/standalone/shutdown.ts';
import { type NotedPorts, notePorts, PLAIN_IMAGE, PLAIN_WISH, SILENT } from '../../helpers/standalone-ports.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const NEVER = new AbortController().signal;

function bootWith({ ports }: NotedPorts, wish: Partial<BootWish> = {}): Promise<ClusterPlan> {
  const work = { signal: NEVER, stopwatch: new Stopwatch() };
  return boot({ ...PLAIN_WISH, ...wish }, work, SILENT, ports);
}

test('formats §2: the memory that the user wishes wins, then the description’s, then 2048 MiB', async () => {
  const memoryOf = async (described: FoundImage['memoryMiB'], memoryMiB: BootWish['memoryMiB']) => {
    await using folder = await createTemporaryFolder();
    const plan = await bootWith(await notePorts(folder.path, { memoryMiB: described }), { memoryMiB });
    return plan.nodes.slice(0, 2).map((node) => node.memoryMiB);
  };
  const nothing = { frontend: undefined, compute: undefined };
  assert.deepEqual(await memoryOf(nothing, undefined), [2048, 2048]);
  assert.deepEqual(await memoryOf({ frontend: 1024, compute: undefined }, undefined), [1024, 2048]);
  assert.deepEqual(await memoryOf({ frontend: 1024, compute: 512 }, { frontend: 300, compute: 200 }), [300, 200]);
});

test('formats §2: computes start after the frontend is ready, or when its time is up', async () => {
  const eventsOf = async (awaitFrontend: () => Promise<'guest-kit'>): Promise<string[]> => {
    await using folder = await createTemporaryFolder();
    const image = { description: { computesWaitSeconds: 300 } };
    const noted = await notePorts(folder.path, image, ({ name }, timeoutSeconds) =>
      name === 'frontend' && timeoutSeconds === 300 ? awaitFrontend() : Promise.resolve('guest-kit'),
    );
    await bootWith(noted);
    return noted.events.filter((event) => /^boot|300/.test(event));
  };
  const inOrder = ['boot frontend', 'await frontend for 300 s', 'boot compute-0', 'boot compute-1'];
  assert.deepEqual(await eventsOf(() => Promise.resolve('guest-kit')), inOrder);
  const timeIsUp = (): Promise<never> => Promise.reject(new EdgebootError('BOOT_TIMEOUT', 'not ready'));
  assert.deepEqual(await eventsOf(timeIsUp), inOrder, 'the clock is the upper bound');
});

test('formats §2: without boot_dependency nobody waits for the frontend', async () => {
  await using folder = await createTemporaryFolder();
  const noted = await notePorts(folder.path);
  await bootWith(noted);
  const [network, ...rest] = noted.events.filter((event) => !event.startsWith('await'));
  assert.deepEqual(
    [network, ...rest],
    ['public network', 'network', 'user data', 'boot frontend', 'boot compute-0', 'boot compute-1'],
  );
});

test('formats §1: a native image without a compute disk has no computes; a frontend alone it has', async () => {
  await using folder = await createTemporaryFolder();
  const noted = await notePorts(folder.path, { hasComputes: false });
  await assert.rejects(bootWith(noted), { code: 'IMAGE_NOT_COMPLIANT', message: /no disk for computes/ });
  assert.deepEqual(noted.events, []);
  const plan = await bootWith(noted, { cpus: 0, computes: undefined });
  assert.deepEqual(
    plan.nodes.map(({ name }) => name),
    ['frontend'],
  );
});

test('what fails leaves nothing: no place, no nodes', async () => {
  await using folder = await createTemporaryFolder();
  const fetch = (): Promise<never> => Promise.reject(new EdgebootError('MANIFEST_UNTRUSTED', 'another one'));
  const noted = await notePorts(folder.path, { fetch });
  await assert.rejects(bootWith(noted), { code: 'MANIFEST_UNTRUSTED' });
  assert.deepEqual(await noted.ports.journal.list(), []);
  assert.deepEqual(noted.events, ['destroy', 'no public network']);
});

test('what a cluster needs of the cache is noted as soon as it is known, and as long as the cluster is there', async () => {
  await using folder = await createTemporaryFolder();
  const [frontend, compute] = ['a'.repeat(64), 'b'.repeat(64)];
  let isNoted: boolean | undefined;
  const noted: NotedPorts = await notePorts(folder.path, {
    fetch: async ({ claim }) => {
      await claim([frontend]);
      await claim([compute, frontend]);
      const [entry] = await noted.ports.journal.list();
      isNoted = entry?.bases?.join() === [frontend, compute].join();
      return PLAIN_IMAGE.fetch();
    },
  });
  await bootWith(noted);
  assert.equal(isNoted, true);
  assert.deepEqual((await noted.ports.journal.list())[0]?.bases, [frontend, compute]);
});

test('formats §6: shutdown keeps the cluster, clean refuses while any node runs, then removes all', async () => {
  await using folder = await createTemporaryFolder();
  const noted = await notePorts(folder.path);
  const { ports, events, running } = noted;
  const name = 'vc-192-0-2-10';
  await bootWith(noted);
  await assert.rejects(clean(name, ports), { code: 'CONFLICT', message: /frontend, compute-0, compute-1/ });
  await shutdown(name, 30, NEVER, ports);
  assert.equal(events.at(-1), 'stop after 30 s');
  running.add('compute-1');
  await assert.rejects(clean(name, ports), { code: 'CONFLICT', message: /^compute-1 of/ });
  running.clear();
  const [kept] = await listClusters(ports);
  assert.deepEqual([kept?.name, kept?.publicAddress], [name, '192.0.2.10']);

  // Another cluster meanwhile: the address is held, the public network stays until the last one goes.
  const second = await bootWith(noted, { memoryMiB: { frontend: 128, compute: 128 } });
  assert.equal(second.publicAddress, '192.0.2.11');
  running.clear();
  await clean(name, ports);
  assert.equal(events.at(-1), 'destroy');
  await clean('vc-192-0-2-11', ports);
  assert.equal(events.at(-1), 'no public network');
  assert.deepEqual(await listClusters(ports), []);
  await assert.rejects(clean(name, ports), { code: 'NOT_FOUND' });
});

test('a cluster of a federation is listed, and not touched', async () => {
  await using folder = await createTemporaryFolder();
  const noted = await notePorts(folder.path);
  const { ports } = noted;
  const { deploymentId } = await bootWith(noted);
  const entry = await ports.journal.read(deploymentId);
  if (entry === undefined) throw new Error('it is in the journal');
  const { generation, plan, startedAt } = entry;
  await ports.journal.write({ deploymentId, generation, plan, startedAt });
  assert.equal((await listClusters(ports))[0]?.owner, 'federation');
  for (const work of [() => clean('vc-192-0-2-10', ports), () => shutdown('vc-192-0-2-10', 1, NEVER, ports)]) {
    await assert.rejects(work, { code: 'FORBIDDEN' });
  }
});
