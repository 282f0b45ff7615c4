/** Ctrl-C, which the terminal tells every process of the command: what a boot has begun is removed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { makeSshKey } from '../../../local/demo/proof.ts';
import { EDGEBOOT_AGENT } from '../../../local/federation/program.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import { startLibvirtHost } from '../../helpers/libvirt-host.ts';
import { startStalledRepository } from '../../helpers/plain-repository.ts';

if (inNamespaces(import.meta.filename, { timeoutSeconds: 180 })) {
  for (const driver of ['libvirt', 'qemu']) {
    test(`an interrupted boot leaves nothing (${driver})`, async (t) => {
      const { libvirtd, directory } = await startLibvirtHost(t);
      await using repository = await startStalledRepository(join(directory, 'vc'), 'hpc');
      const stateDirectory = join(directory, 'state');
      await mkdir(stateDirectory);
      const config = join(directory, 'agent.yaml');
      await writeFile(config, stringify({ driver, libvirtUri: libvirtd.uri, stateDirectory }));
      const key = `${await makeSshKey(join(directory, 'ssh'))}.pub`;
      const wish = ['boot', 'hpc', '0', '--repository', repository.baseUrl, '--key', key, '--config', config];
      // A process group of its own, as a shell's job.
      const boot = spawn(EDGEBOOT_AGENT, wish, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
      const group = -(boot.pid ?? 0);
      t.after(() => boot.exitCode ?? boot.signalCode ?? process.kill(group, 'SIGKILL'));
      let said = '';
      boot.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const ended = once(boot, 'close');
      await repository.asked;
      assert.equal((await readdir(join(stateDirectory, 'journal'))).length, 1);

      process.kill(group, 'SIGINT');
      assert.deepEqual(await ended, [130, null], said);
      assert.match(said, /CANCELED: interrupted/);
      for (const folder of ['journal', 'clusters']) assert.deepEqual(await readdir(join(stateDirectory, folder)), []);
    });
  }
}
