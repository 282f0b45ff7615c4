/** Two processes of `edgeboot-agent` on one cluster: the second is refused at once, and what a killed one held is free. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { makeSshKey } from '../../../local/demo/proof.ts';
import { EDGEBOOT_AGENT, type ProgramResult, runProgram } from '../../../local/federation/program.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import { startStalledRepository } from '../../helpers/plain-repository.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

/** The first address of the agent's own network. */
const NAME = 'vc-192-168-151-10';

if (inNamespaces(import.meta.filename, { timeoutSeconds: 120 })) {
  test('formats §6: while a boot works on its cluster, no other command does; a kill frees it', async (t) => {
    await using folder = await createTemporaryFolder();
    await using repository = await startStalledRepository(join(folder.path, 'vc'), 'hpc');
    const config = join(folder.path, 'agent.yaml');
    await writeFile(config, stringify({ driver: 'qemu', stateDirectory: join(folder.path, 'state') }));
    const key = `${await makeSshKey(join(folder.path, 'ssh'))}.pub`;
    const run = (...args: string[]): Promise<ProgramResult> =>
      runProgram(EDGEBOOT_AGENT, [...args, '--config', config], { onWords: (line) => t.diagnostic(line) });
    const inJournal = (): Promise<string[]> => readdir(join(folder.path, 'state/journal'));

    const wish = ['boot', 'hpc', '0', '--repository', repository.baseUrl, '--key', key, '--config', config];
    const boot = spawn(EDGEBOOT_AGENT, wish, { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(boot, 'exit');
    t.after(() => boot.kill('SIGKILL'));
    await repository.asked;
    const booting = await inJournal();
    assert.equal(booting.length, 1);

    for (const command of [['start'], ['shutdown'], ['clean'], ['add-key', '--key', key]]) {
      const { exitCode, stderr } = await run(...command, NAME);
      assert.equal(exitCode, 75, `${command.join(' ')}: ${stderr}`);
      assert.match(stderr, new RegExp(`CONFLICT: another command works on ${NAME}\n +Wait until it has ended`));
    }
    assert.deepEqual(await inJournal(), booting, 'it has its place still');
    assert.equal(boot.exitCode ?? boot.signalCode, null);

    boot.kill('SIGKILL');
    await ended;
    const cleaned = await run('clean', NAME);
    assert.equal(cleaned.exitCode, 0, cleaned.stderr);
    assert.deepEqual(await inJournal(), []);
  });
}
