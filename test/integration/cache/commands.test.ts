/** `edgeboot-agent cache` as a process, over a cache with a native image, an older one, and clusters in the journal. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, type TestContext } from 'node:test';
import { ulid } from 'ulid';
import { stringify } from 'yaml';
import { openFileJournal } from '../../../edge-agent/adapters/file-journal.ts';
import { BaseImages } from '../../../edge-agent/base-image/base-images.ts';
import type { DescribedBase } from '../../../edge-agent/cache/describe-base.ts';
import { planCluster } from '../../../edge-agent/core/plan-cluster.ts';
import type { JournalEntry } from '../../../edge-agent/ports.ts';
import { EDGEBOOT_AGENT, type ProgramResult, runProgram } from '../../../local/federation/program.ts';
import { createEdgeFixture, type EdgeFixture } from '../../helpers/edge-fixture.ts';
import { flowOf } from '../../helpers/flow.ts';
import { makeImageCache } from '../../helpers/image-cache.ts';
import { LEGACY_DISK_BYTES, writeLegacyDisk } from '../../helpers/legacy-fixture.ts';
import { PUBLIC_NETWORK, SSH_KEY } from '../../helpers/model-samples.ts';
import { startPartServer } from '../../helpers/part-server.ts';
import { SAMPLE_IMAGE_ID, SAMPLE_SIZE_BYTES } from '../../helpers/sample-disk.ts';

const signal = AbortSignal.timeout(300_000);
const BLOCK_BYTES = 8 * 1024 * 1024;

describe('edgeboot-agent cache', () => {
  let edge: EdgeFixture;
  let state: string;
  let native: string;

  const run = (...args: string[]): Promise<ProgramResult> =>
    runProgram(EDGEBOOT_AGENT, [...args, '--config', join(edge.folder, 'agent.yaml')]);
  const ask = async <Answer>(...args: string[]): Promise<Answer> => {
    const { exitCode, stdout, stderr } = await run('cache', ...args, '--output', 'json');
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as Answer;
  };
  const list = (): Promise<DescribedBase[]> => ask<DescribedBase[]>('list');
  const configure = (settings: object): Promise<void> =>
    writeFile(join(edge.folder, 'agent.yaml'), stringify({ driver: 'qemu', stateDirectory: state, ...settings }));

  beforeEach(async () => {
    edge = await createEdgeFixture();
    state = join(edge.folder, 'state');
    await mkdir(join(state, 'cache'), { recursive: true });
    await configure({});
    native = edge.sample.disk.index.sha256;
    const repository = join(edge.folder, 'vc');
    await putLegacyImage(repository);
    const synced = await run('sync', 'repository', '--repository', repository);
    assert.equal(synced.exitCode, 0, synced.stderr);
    await fetchNative();
  });
  afterEach(() => edge[Symbol.asyncDispose]());

  async function fetchNative(): Promise<void> {
    const { sample, source } = edge;
    const images = new BaseImages({ cache: makeImageCache(join(state, 'cache')), unpackThreads: 2 });
    const label = { name: 'hpc', version: 3 };
    await using opened = await images.open({ disk: sample.disk, imageId: SAMPLE_IMAGE_ID, label, source, signal });
    await opened.image.fetchAll({ flow: flowOf(4), signal });
  }

  /** A cluster that is off, as the journal has it. */
  async function addCluster(need: Pick<JournalEntry, 'bases' | 'local'>): Promise<string> {
    const deploymentId = ulid();
    const wish = { deploymentId, siteId: 'naist', imageName: 'hpc', computeCpus: [], sshPublicKeys: [SSH_KEY] };
    const plan = planCluster({ ...wish, memoryMiB: { frontend: 128, compute: 128 } }, '192.0.2.10', PUBLIC_NETWORK);
    const journal = await openFileJournal(state);
    await journal.write({ deploymentId, generation: 1, plan, startedAt: '2026-11-23T08:00:00.000Z', ...need });
    return deploymentId;
  }

  it('list tells what there is, how large, how whole, whose, and when it was last used; the latest first', async () => {
    await addCluster({ bases: [native] });
    const [first, second, ...others] = await list();
    assert.deepEqual(others, []);
    assert.ok(first && second);
    assert.deepEqual(
      { ...first, lastUsedAt: '' },
      {
        ...{ digest: native, images: [{ name: 'hpc', version: 3 }], state: 'complete', percent: 100 },
        ...{ sizeBytes: SAMPLE_SIZE_BYTES, allocatedBytes: first.allocatedBytes },
        ...{ isPinned: false, isDamaged: false, isBusy: false, usedBy: ['vc-192-0-2-10'], lastUsedAt: '' },
      },
    );
    const { blocks } = await stat(join(state, 'cache', native, 'disk.raw'));
    const beside = first.allocatedBytes - blocks * 512;
    assert.ok(beside > 0 && beside < 100_000, `${beside} bytes beside the disk`);
    assert.deepEqual(
      [second.images, second.sizeBytes, second.usedBy],
      [[{ name: 'rocks-sge' }], LEGACY_DISK_BYTES, []],
    );
    assert.ok(Date.now() - Date.parse(first.lastUsedAt) < 300_000);
    assert.ok(first.lastUsedAt > second.lastUsedAt);

    const { stdout } = await run('cache', 'list');
    assert.match(
      stdout,
      /^IMAGE +DIGEST +STATE +SIZE +ALLOCATED +PINNED +USED BY +LAST USED\nhpc@3 +[0-9a-f]{12} +complete +42\.3 MB .* - +vc-192-0-2-10 /,
    );
  });

  it('what the file system lost or never had whole is listed as it is', async () => {
    await writeFile(join(state, 'cache', native, 'about.json'), '{"schemaVersion":1,"images":[{"name":"../x"');
    await mkdir(join(state, 'cache', 'f'.repeat(64)));
    await writeFile(join(state, 'cache', 'stranger'), '');
    const states = (await list()).map(({ digest, images, state: is }) => [digest, images.length, is]);
    assert.equal(states.length, 3);
    assert.deepEqual(
      states.find(([digest]) => digest === native),
      [native, 0, 'complete'],
    );
    assert.deepEqual(
      states.find(([digest]) => digest === 'f'.repeat(64)),
      ['f'.repeat(64), 0, 'absent'],
    );
  });

  it('prune takes nothing whole, and --all what nobody needs: not what is pinned or a cluster’s', async () => {
    await ask('pin', 'rocks-sge');
    const deploymentId = await addCluster({ bases: [native] });
    assert.deepEqual((await ask<{ removed: unknown[] }>('prune', '--all')).removed, []);
    await (await openFileJournal(state)).remove(deploymentId);

    const dry = await ask<{ freedBytes: number; removed: DescribedBase[] }>('prune', '--all', '--dry-run');
    assert.deepEqual(
      dry.removed.map(({ digest }) => digest),
      [native],
    );
    assert.equal((await list()).length, 2);
    const pruned = await ask<{ freedBytes: number; leftBytes: number }>('prune', '--all');
    assert.equal(pruned.freedBytes, dry.freedBytes);
    const [left, ...others] = await list();
    assert.deepEqual(
      [left?.images, left?.isPinned, left?.allocatedBytes, others],
      [[{ name: 'rocks-sge' }], true, pruned.leftBytes, []],
    );
    await ask('unpin', left?.digest.slice(0, 8) ?? '');
    assert.match(
      (await run('cache', 'prune', '--to', '0')).stdout,
      /^IMAGE[^]*rocks-sge[^]*\n\n1\d\.\d MB are freed, 0 B stay\n$/,
    );
    assert.deepEqual(await readdir(join(state, 'cache')), []);
  });

  it('a cluster of before, whose disks the journal names by their files, keeps them too', async () => {
    const [{ digest } = { digest: '' }] = (await list()).filter(({ images }) => images[0]?.name === 'rocks-sge');
    await addCluster({
      local: { repository: '/srv/vc', disks: { frontend: join(state, 'cache', digest, 'disk.raw') } },
    });
    await ask('prune', '--all');
    assert.deepEqual(
      (await list()).map((one) => one.digest),
      [digest],
    );
  });

  it('the limits of the configuration hold for prune as well', async () => {
    await configure({ cache: { maxSize: '20 MiB' } });
    const { removed } = await ask<{ removed: DescribedBase[] }>('prune');
    assert.deepEqual(
      removed.map(({ images }) => images[0]?.name),
      ['rocks-sge'],
      'the one that was not used longest',
    );
  });

  it('verify finds damage, removes it, and ends with status 65; what clusters use it only tells of', async () => {
    assert.deepEqual(
      (await ask<{ result: string }[]>('verify')).map(({ result }) => result),
      ['intact', 'intact'],
    );
    const disk = join(state, 'cache', native, 'disk.raw');
    await chmod(disk, 0o600);
    await truncate(disk, 100);
    const deploymentId = await addCluster({ bases: [native] });
    const used = await run('cache', 'verify', 'hpc', '--output', 'json');
    assert.equal(used.exitCode, 65);
    assert.match(used.stderr, new RegExp(`PART_CORRUPT: damaged on this disk: ${native}`));
    assert.deepEqual(
      (JSON.parse(used.stdout) as { result: string }[]).map(({ result }) => result),
      ['damaged and in use'],
    );
    assert.match((await run('cache', 'list')).stdout, /hpc@3 .* complete, damaged /);

    await (await openFileJournal(state)).remove(deploymentId);
    const { exitCode, stdout } = await run('cache', 'verify');
    assert.equal(exitCode, 65);
    assert.match(stdout, /hpc@3 +[0-9a-f]{12} +damaged and removed/);
    assert.deepEqual(
      (await list()).map(({ images }) => images[0]?.name),
      ['rocks-sge'],
    );
    assert.equal((await run('cache', 'verify')).exitCode, 0);
  });

  it('says what is not right, with its status', async () => {
    const cases: readonly (readonly [args: readonly string[], status: number, words: RegExp])[] = [
      [['pin'], 64, /missing required argument/],
      [['pin', 'nobody'], 66, /the cache has no "nobody"/],
      [['unpin', 'hpc@2'], 66, /NOT_FOUND/],
      [['pin', '../../etc/passwd'], 66, /NOT_FOUND/],
      [['pin', 'hpc', 'nobody'], 66, /NOT_FOUND/],
      [['verify', '\u001b[2J'], 66, /the cache has no "\\u001b\[2J"/],
      [['prune', '--to', 'much'], 64, /"much" is no size/],
      [['prune', '--to', '-1'], 64, /is no size/],
      [['prune', '--all', '--to', '1'], 64, /cannot be used with/],
      [['prune', 'hpc'], 64, /too many arguments/],
      [['list', '--output', 'xml'], 64, /Allowed choices/],
      [['frobnicate'], 64, /unknown command/],
    ];
    for (const [args, status, words] of cases) {
      const { exitCode, stderr } = await run('cache', ...args);
      assert.equal(exitCode, status, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, words);
    }
    assert.ok(
      (await list()).every(({ isPinned }) => !isPinned),
      'of two words, one of them wrong, neither counts',
    );
    await configure({ cache: { maxSize: 'much' } });
    const { exitCode, stderr } = await run('cache', 'list');
    assert.deepEqual([exitCode, /cache\.maxSize: must be a size/.test(stderr)], [78, true]);
  });

  it('what a killed transfer leaves is listed and pruned; the next one begins anew', async (t) => {
    const { child, stop } = await startStuckSync(t, edge.folder, join(edge.folder, 'agent.yaml'));
    const busy = (await list()).find(({ images }) => images[0]?.name === 'stuck');
    assert.deepEqual([busy?.state, busy?.isBusy, busy?.percent !== undefined], ['partial', true, true]);
    assert.deepEqual((await ask<{ removed: unknown[] }>('prune')).removed, [], 'while it is under way');
    const dead = once(child, 'exit');
    child.kill('SIGKILL');
    await dead;
    const left = (await list()).find(({ images }) => images[0]?.name === 'stuck');
    assert.deepEqual([left?.state, left?.isBusy], ['partial', false]);
    const { removed, freedBytes } = await ask<{ removed: DescribedBase[]; freedBytes: number }>('prune');
    assert.deepEqual(
      removed.map(({ digest }) => digest),
      [left?.digest],
    );
    assert.equal(freedBytes, left?.allocatedBytes);
    const again = await stop();
    assert.equal(again.exitCode, 0, again.stderr);
    const states = (await list()).map(({ images, state: is }) => [images[0]?.name, is]);
    assert.deepEqual(states[0], ['stuck', 'complete']);
    assert.equal(states.length, 3);
  });
});

/** A frontend alone, raw, beside its description. */
async function putLegacyImage(repository: string): Promise<void> {
  await mkdir(join(repository, 'rocks-sge'), { recursive: true });
  await writeFile(join(repository, 'vcdb.txt'), 'rocks-sge,rocks-sge/rocks-sge.xml\n');
  await writeLegacyDisk(join(repository, 'rocks-sge', 'frontend.vda'), 'rocks-sge');
  await writeFile(join(repository, 'rocks-sge', 'rocks-sge.xml'), DESCRIPTION);
}

const DESCRIPTION = `<vc><virtualization engine='kvm' type='hvm' arch='x86_64'/><frontend><domain type='kvm'><devices>
  <disk type='file' device='disk'><source file='frontend.vda'/></disk></devices></domain></frontend></vc>`;

/** A process that fetches an older image and has its first block, but for ever waits for the second, until `stop`, which syncs anew. */
async function startStuckSync(t: TestContext, folder: string, config: string) {
  const raw = join(folder, 'stuck.vda');
  await writeLegacyDisk(raw, 'stuck');
  const objects = new Map([
    ['vcdb.txt', Buffer.from('stuck,stuck/stuck.xml\n')],
    ['stuck/stuck.xml', Buffer.from(DESCRIPTION)],
    ['stuck/frontend.vda', await readFile(raw)],
  ]);
  let isStuck = true;
  const stuck = Promise.withResolvers<undefined>();
  const server = await startPartServer({
    objects,
    faultOf: ({ range }) => {
      if (!isStuck || !range?.startsWith(`bytes=${BLOCK_BYTES}-`)) return undefined;
      stuck.resolve(undefined);
      return { kind: 'silent' };
    },
  });
  t.after(() => server[Symbol.asyncDispose]());
  const args = ['sync', 'repository', '--repository', server.baseUrl, '--config', config];
  const child = spawn(EDGEBOOT_AGENT, args, { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await stuck.promise;
  const stop = (): Promise<ProgramResult> => {
    isStuck = false;
    return runProgram(EDGEBOOT_AGENT, args);
  };
  return { child, stop };
}
