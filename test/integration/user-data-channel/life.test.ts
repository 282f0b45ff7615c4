/** A user-data channel lives as long as its cluster: whoever opened it may end, in the middle too; closing leaves nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { createUserDataChannel } from '../../../edge-agent/adapters/user-data-channel.ts';
import { linkNames } from '../../../edge-agent/core/user-data-channel.ts';
import type { ChannelPlan, ServedNode } from '../../../edge-agent/ports.ts';
import { makeBridge, plugInGuest } from '../../helpers/bridged-guests.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';
import {
  askDhcp,
  fetchUserData,
  makeUserDataCluster,
  NOTHING,
  partsOf,
  PUBLIC_BRIDGE,
} from '../../helpers/user-data-cluster.ts';

const ADAPTER = new URL('../../../edge-agent/adapters/user-data-channel.ts', import.meta.url).href;
const channel = createUserDataChannel();

if (inNamespaces(import.meta.filename, { timeoutSeconds: 180 })) {
  test('opened again it is the same; what died or is another plan is replaced; closed, nothing is left', async (t) => {
    await makeBridge(t, PUBLIC_BRIDGE);
    const { plan, bridge } = await makeUserDataCluster(t);
    const serving = async () => (await partsOf(plan)).serving;
    await channel.close(plan);
    await channel.open(plan);
    const first = await serving();
    assert.equal(first.length, 3, first.join('\n'));
    await channel.open(plan);
    assert.deepEqual(await serving(), first);

    const dnsmasq = first.find((line) => line.includes('dnsmasq')) ?? '';
    process.kill(Number.parseInt(dnsmasq, 10), 'SIGKILL');
    await until(async () => !(await serving()).includes(dnsmasq));
    await channel.open(plan);
    const second = await serving();
    assert.equal(second.length, 3, second.join('\n'));
    assert.ok(!second.some((line) => first.includes(line)));

    await runCommandOrThrow('ip', ['link', 'set', linkNames(plan.deploymentId)[0] ?? '', 'nomaster']);
    await channel.open(plan);
    assert.ok(!(await serving()).some((line) => second.includes(line)), 'it was not on its bridge any more');

    const [network, ...rest] = plan.networks;
    const joined = { macAddress: '02:ab:cd:ef:01:07', address: '10.1.255.253', hostname: 'compute-1', document: 'x' };
    await channel.open({ ...plan, networks: [{ ...network, nodes: [...network.nodes, joined] }, ...rest] });
    const lease = await askDhcp(await plugInGuest(t, bridge, joined.macAddress));
    assert.match(lease ?? '', /^address=10\.1\.255\.253\/16 .* hostname=compute-1 /);

    await channel.close(plan);
    assert.deepEqual(await partsOf(plan), NOTHING);
    await channel.close(plan);
  });

  test('a process that is not the recorded one is never touched', async (t) => {
    await makeBridge(t, PUBLIC_BRIDGE);
    const { plan } = await makeUserDataCluster(t);
    await channel.open(plan);
    const file = path.join(plan.directory, 'user-data/process.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { process: { pid: number } };
    await channel.close(plan);
    const stranger = spawn('sleep', ['600']);
    t.after(() => stranger.kill('SIGKILL'));
    await once(stranger, 'spawn');
    record.process.pid = stranger.pid ?? 0;
    await mkdir(path.dirname(file));
    await writeFile(file, JSON.stringify(record));
    await channel.close(plan);
    assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    assert.deepEqual(await partsOf(plan), NOTHING);
  });

  test('without its bridge it says so and leaves nothing', async (t) => {
    const { plan } = await makeUserDataCluster(t, { withBridges: false });
    await assert.rejects(channel.open(plan), (error) => hasCode(error, 'BOOT_FAILED') && /eb-/.test(error.message));
    assert.deepEqual(await partsOf(plan), NOTHING);
  });

  test('names and addresses that are none reach no configuration', async (t) => {
    const { plan } = await makeUserDataCluster(t, { withBridges: false });
    const [network] = plan.networks;
    for (const odd of [{ hostname: 'a\ndhcp-script=/bin/sh' }, { address: '10.1.1.1/8' }, { macAddress: '*:*' }]) {
      const nodes = [{ ...network.nodes[0], ...odd } as ServedNode];
      await assert.rejects(channel.open({ ...plan, networks: [{ ...network, nodes }] }), { name: 'ZodError' });
    }
    assert.deepEqual(await partsOf(plan), NOTHING);
  });

  /** Opens in a process of its own that is killed then, with programs of `folder` before the system's. */
  async function openElsewhere(plan: ChannelPlan, folder: string): Promise<void> {
    const program = `const { createUserDataChannel } = await import(${JSON.stringify(ADAPTER)});
      await createUserDataChannel().open(${JSON.stringify(plan)});
      process.kill(process.pid, 'SIGKILL');`;
    const environment = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const args = ['--input-type=module', '--eval', program];
    const child = spawn(process.execPath, args, { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
    const [, signal] = (await once(child, 'close')) as [number | null, string | null];
    assert.equal(signal, 'SIGKILL');
  }

  test('the agent is killed once it has opened: the channel works on, and another agent closes it', async (t) => {
    await makeBridge(t, PUBLIC_BRIDGE);
    const { plan, bridge, computeMac } = await makeUserDataCluster(t);
    await openElsewhere(plan, plan.directory);
    const before = (await partsOf(plan)).serving;
    const node = await plugInGuest(t, bridge, computeMac);
    assert.match((await askDhcp(node)) ?? '', /^address=10\.1\.255\.254\/16 /);
    assert.match(await fetchUserData(node), /01 compute-0/);
    await channel.open(plan);
    assert.deepEqual((await partsOf(plan)).serving, before);
    await channel.close(plan);
    assert.deepEqual(await partsOf(plan), NOTHING);
  });

  // Each program that opening runs kills whoever runs it, before it does its work: two interfaces are made in six steps.
  for (const stage of ['unshare 1', 'ip 1', 'ip 2', 'ip 3', 'ip 4', 'ip 5', 'ip 6']) {
    test(`the agent is killed in the middle of opening (${stage}): closing leaves nothing`, async (t) => {
      await using programs = await createTemporaryFolder();
      await makeBridge(t, PUBLIC_BRIDGE);
      const { plan } = await makeUserDataCluster(t);
      const [program = '', time = ''] = stage.split(' ');
      const real = (await runCommandOrThrow('which', [program])).trim();
      const calls = path.join(programs.path, 'calls');
      const script = `#!/bin/sh
        echo >>${calls}; [ "$(wc -l <${calls})" -ne ${time} ] || kill -KILL $PPID
        exec ${real} "$@"\n`;
      await writeFile(path.join(programs.path, program), script, { mode: 0o755 });
      await openElsewhere(plan, programs.path);
      await channel.close(plan);
      await until(async () => (await partsOf(plan)).serving.length === 0);
      assert.deepEqual(await partsOf(plan), NOTHING);
    });
  }

  /** Polls: of a process that is not our child, nobody tells us when it has ended. */
  async function until(reached: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 30_000;
    while (!(await reached())) assert.ok(performance.now() < deadline, 'it never happened');
  }
}
