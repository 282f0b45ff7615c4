/** `edgeboot-agent` as a process, as far as it needs no hypervisor: help, list repository, sync repository. Formats, section 6. */
import assert from 'node:assert/strict';
import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { EDGEBOOT_AGENT, type ProgramResult, runProgram } from '../../../local/federation/program.ts';
import { LEGACY_DISK_BYTES } from '../../helpers/legacy-fixture.ts';
import { putCluster, writeIndex } from '../../helpers/plain-repository.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../../helpers/temporary-folder.ts';

interface Synced {
  readonly name: string;
  readonly result: string;
  readonly fetchedBytes: number;
  readonly detail: string;
}

describe('edgeboot-agent without a hypervisor', () => {
  let folder: TemporaryFolder;
  let repository: string;
  const run = (...args: string[]): Promise<ProgramResult> => runProgram(EDGEBOOT_AGENT, args);
  const configured = (...args: string[]): Promise<ProgramResult> =>
    run(...args, '--config', join(folder.path, 'agent.yaml'));
  const sync = async (...args: string[]): Promise<ProgramResult & { readonly images: readonly Synced[] }> => {
    const result = await configured('sync', 'repository', ...args, '--output', 'json');
    return { ...result, images: JSON.parse(result.stdout) as Synced[] };
  };

  before(async () => {
    folder = await createTemporaryFolder();
    repository = join(folder.path, 'vc');
    for (const name of ['rocks-sge', 'rocks-test', 'hpc']) await putCluster(repository, name);
    await writeIndex(repository, ['rocks-sge', 'rocks-test', 'hpc', 'rocks-gone']);
    const repositories = [{ address: repository, include: ['rocks-*'], exclude: ['*-test', '*-gone'] }];
    const settings = { driver: 'qemu', stateDirectory: join(folder.path, 'state'), repositories };
    await writeFile(join(folder.path, 'agent.yaml'), stringify(settings));
  });
  after(() => folder[Symbol.asyncDispose]());

  it('formats §6: help names every command, and each explains itself', async () => {
    const { exitCode, stdout } = await run('help');
    assert.equal(exitCode, 0);
    for (const command of [
      'boot',
      'list',
      'shutdown',
      'clean',
      'sync',
      'cache',
      'start',
      'add-key',
      'run',
      'enroll',
      'doctor',
    ]) {
      assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
    }
    assert.match((await run('boot', '--help')).stdout, /<vc> <cpus>[^]*--memory <MiB>[^]*--add-iface/);
  });

  it('formats §6: list repository shows what the index has', async () => {
    const { exitCode, stdout } = await configured('list', 'repository', '--repository', repository, '--output', 'json');
    assert.equal(exitCode, 0);
    assert.deepEqual(
      (JSON.parse(stdout) as { name: string; kind: string }[]).map(({ name, kind }) => [name, kind]),
      ['rocks-sge', 'rocks-test', 'hpc', 'rocks-gone'].map((name) => [name, 'legacy']),
    );
  });

  it('formats §6: sync fetches what matches include and not exclude, and the next time nothing', async () => {
    const first = await sync();
    assert.equal(first.exitCode, 0, first.stderr);
    assert.deepEqual(
      first.images.map(({ name, result, fetchedBytes }) => [name, result, fetchedBytes]),
      [['rocks-sge', 'here', LEGACY_DISK_BYTES]],
    );
    assert.match(first.stderr, /nobody vouches for rocks-sge/);
    const second = await sync();
    assert.deepEqual([second.exitCode, second.images[0]?.fetchedBytes], [0, 0]);
    assert.doesNotMatch(second.stderr, /vouches/);
  });

  it('formats §6: sync is safe from a timer: two at once, and one that fails, do not harm the others', async () => {
    await rm(join(folder.path, 'state'), { recursive: true, force: true });
    const everything = ['--include', '*', '--exclude', 'none'];
    const [one, other] = await Promise.all([sync(...everything), sync(...everything)]);
    for (const { exitCode, images, stderr } of [one, other]) {
      assert.equal(exitCode, 66, stderr);
      assert.deepEqual(
        images.map(({ name, result }) => [name, result]),
        [
          ['rocks-sge', 'here'],
          ['rocks-test', 'here'],
          ['hpc', 'here'],
          ['rocks-gone', 'failed'],
        ],
      );
    }
    for (const [i, image] of one.images.entries()) {
      const fetched = [image.fetchedBytes, other.images[i]?.fetchedBytes].sort();
      assert.deepEqual(fetched, image.result === 'here' ? [0, LEGACY_DISK_BYTES] : [0, 0], image.name);
    }
  });

  it('says what is not right, with its status', async () => {
    const keyless = ['--key', join(folder.path, 'none')];
    const cases: readonly (readonly [args: readonly string[], status: number, words: RegExp])[] = [
      [['boot', 'hpc', 'many'], 64, /no number of CPUs/],
      [['boot', 'hpc', '1', ...keyless], 64, /cannot read the key/],
      [['boot', 'hpc', '1', '--add-iface', 'private'], 64, /name of the cluster's own/],
      [['list', 'repository', '--repository', 'ftp://images.example.org'], 78, /names no repository/],
      [['list', 'repository', '--repository', join(folder.path, 'nowhere')], 66, /NOT_FOUND/],
      [['frobnicate'], 64, /unknown command/],
    ];
    for (const [args, status, words] of cases) {
      const { exitCode, stderr } = await configured(...args);
      assert.equal(exitCode, status, `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, words);
    }
  });

  it('a doctor looks at what a host without a federation needs, and makes nothing', async () => {
    const [config, stateDirectory] = [join(folder.path, 'fresh.yaml'), join(folder.path, 'not/yet')];
    await writeFile(config, stringify({ libvirtUri: 'qemu:///system?socket=/nowhere', stateDirectory }));
    const { exitCode, stdout } = await run('doctor', '--config', config, '--output', 'json');
    const checks = JSON.parse(stdout) as { name: string; status: string }[];
    assert.deepEqual(
      checks.map(({ name }) => name),
      ['kvm', 'tools', 'libvirt', 'disk'],
    );
    assert.deepEqual([exitCode, checks[2]?.status], [69, 'fail']);
    assert.notEqual(checks[3]?.status, 'fail', 'there is space, though the folder is not there yet');
    await assert.rejects(access(stateDirectory));
  });
});
