/** What every HypervisorDriver does: real processes of QEMU, with a guest of 512 bytes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { bridgeName } from '../../edge-agent/core/libvirt-names.ts';
import type { ClusterIdentity, Hardware, HypervisorDriver, NodePlan } from '../../edge-agent/ports.ts';
import {
  assertNothingLeft,
  hearConsole,
  macAddress,
  hasOpen,
  pidOf,
  pidsOf,
  planNode,
  writeSeed,
  type DriverHost,
} from './driver-host.ts';
import { startNetworkHost } from './network-host.ts';

export const CLUSTER: ClusterIdentity = { siteId: 'naist', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ' };
const OTHER_CLUSTER: ClusterIdentity = { siteId: 'naist', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXY0' };
const OTHER_SITE: ClusterIdentity = { siteId: 'ucsd', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXY1' };
export const LIMIT = { timeout: 180_000 };
const KILL_ROUNDS = 10;
const LONG_GRACE_SECONDS = 120;
export const NEVER = new AbortController().signal;

export async function bootCluster(
  driver: HypervisorDriver,
  cluster: ClusterIdentity,
  ...nodes: readonly NodePlan[]
): Promise<void> {
  await driver.prepare(cluster);
  for (const node of nodes) await driver.boot(cluster, node);
}

/** As somebody with the host's root would. Comes back when the driver sees it: the kernel and libvirt take a moment. */
export async function killNode(driver: HypervisorDriver, node: NodePlan): Promise<void> {
  await runCommandOrThrow('kill', ['-KILL', String(await pidOf(CLUSTER, node))]);
  const isOn = async (): Promise<boolean | undefined> =>
    (await driver.observe('naist'))[0]?.nodes.find(({ name }) => name === node.name)?.running;
  while ((await isOn()) === true) await delay(50);
}

const isBootFailed = (error: unknown): boolean => hasCode(error, 'BOOT_FAILED');
const isInvalid = (error: unknown): boolean => hasCode(error, 'INVALID_CONFIG');
const running = (cluster: ClusterIdentity, ...names: string[]) => ({
  ...cluster,
  nodes: names.map((name) => ({ name, running: true })),
  hasNetwork: true,
});

/** Registers the tests. */
export function driverSuite(startHost: (t: TestContext) => Promise<DriverHost>): void {
  test('boots, observes and destroys a cluster; each call may come twice', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const node = await planNode(host, 'compute-0');
    const description = await driver.describeHost();
    assert.ok(description.cpus > 0 && description.memoryMiB > 0);
    assert.equal(description.acceleration, host.acceleration);
    assert.deepEqual(await driver.observe(CLUSTER.siteId), []);
    await driver.stop(CLUSTER, 0, NEVER);
    await driver.destroy(CLUSTER);

    await bootCluster(driver, CLUSTER, node);
    await hearConsole(node);
    const pid = await pidOf(CLUSTER, node);
    await bootCluster(driver, CLUSTER, node);
    assert.equal(await pidOf(CLUSTER, node), pid);
    assert.deepEqual(await driver.observe(CLUSTER.siteId), [running(CLUSTER, 'compute-0')]);
    assert.equal((await stat(node.backingFile)).uid, 0, 'the shared backing file stays ours');
    const addresses = await runCommandOrThrow('ip', ['address', 'show', 'dev', bridgeName(CLUSTER.deploymentId)]);
    assert.doesNotMatch(addresses, /inet/, 'the host has no address there');

    await driver.destroy(CLUSTER);
    await driver.destroy(CLUSTER);
    assert.deepEqual(await driver.observe(CLUSTER.siteId), []);
    await assertNothingLeft(host);
  });

  test(
    'formats §6: stop asks the guest by its power button and keeps everything; boot turns it on again',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      const obedient = await planNode(host, 'compute-0', {}, { obeysPowerButton: true });
      await bootCluster(driver, CLUSTER, obedient);
      await hearConsole(obedient);
      const stopped = { ...CLUSTER, nodes: [{ name: 'compute-0', running: false }], hasNetwork: true };
      const start = performance.now();
      await driver.stop(CLUSTER, LONG_GRACE_SECONDS, NEVER);
      assert.ok(performance.now() - start < LONG_GRACE_SECONDS * 1000, 'it turned itself off');
      assert.deepEqual(await driver.observe('naist'), [stopped]);
      await driver.stop(CLUSTER, LONG_GRACE_SECONDS, NEVER);

      const stubborn = await planNode(host, 'compute-1');
      await bootCluster(driver, CLUSTER, obedient, stubborn);
      assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0', 'compute-1')]);
      await Promise.all([obedient, stubborn].map(hearConsole));
      await driver.stop(CLUSTER, 1, NEVER);
      const nodes = ['compute-0', 'compute-1'].map((name) => ({ name, running: false }));
      assert.deepEqual(
        await driver.observe('naist'),
        [{ ...stopped, nodes }],
        'one that does not listen is turned off',
      );
      assert.ok((await stat(stubborn.overlayFile)).isFile());
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
    },
  );

  test('some nodes go while the others run on; their disks stay', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const staying = await planNode(host, 'compute-0');
    const going = await planNode(host, 'compute-1', {}, { obeysPowerButton: true });
    await bootCluster(driver, CLUSTER, staying, going);
    await Promise.all([staying, going].map(hearConsole));
    const pid = await pidOf(CLUSTER, staying);
    const start = performance.now();
    await driver.removeNodes(CLUSTER, ['compute-1', 'compute-2'], LONG_GRACE_SECONDS, NEVER);
    assert.ok(performance.now() - start < LONG_GRACE_SECONDS * 1000, 'it turned itself off');
    assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0')]);
    assert.equal(await pidOf(CLUSTER, staying), pid);
    assert.ok((await stat(going.overlayFile)).isFile());
    await driver.removeNodes(CLUSTER, ['compute-1'], 0, NEVER);
    await driver.removeNodes({ ...CLUSTER, siteId: 'ucsd' }, ['compute-0'], 0, NEVER);
    await driver.removeNodes(CLUSTER, [], 0, NEVER);
    assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0')], 'not theirs, not meant');
    await driver.boot(CLUSTER, going);
    assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0', 'compute-1')]);
    await driver.destroy(CLUSTER);
    await assertNothingLeft(host);
  });

  test(
    'fault 22: stop ends at once when the work on it must, and turns nothing off then; the next one does it',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      const stubborn = await planNode(host, 'compute-0');
      await bootCluster(driver, CLUSTER, stubborn);
      await hearConsole(stubborn);
      const lost = new AbortController();
      const start = performance.now();
      const stopping = driver.stop(CLUSTER, LONG_GRACE_SECONDS, lost.signal);
      // Whether it was asked already, or is about to be: the outcome is the same.
      setTimeout(() => lost.abort(new EdgebootError('LEASE_LOST', 'somebody else has it')), 500);
      await assert.rejects(stopping, { code: 'LEASE_LOST' });
      assert.ok(performance.now() - start < LONG_GRACE_SECONDS * 500, 'it waited no longer');
      assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0')]);
      await assert.rejects(driver.stop(CLUSTER, 0, lost.signal), { code: 'LEASE_LOST' });
      assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0')]);
      await driver.stop(CLUSTER, 0, NEVER);
      assert.deepEqual(await pidsOf(CLUSTER, stubborn), []);
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
    },
  );

  test('two clusters at once on the same subnet; only what carries its own mark is touched', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    await bootCluster(driver, OTHER_CLUSTER, await planNode(host, 'compute-0'));
    await bootCluster(driver, OTHER_SITE, await planNode(host, 'compute-1'));
    await driver.stop(CLUSTER, 0, NEVER);
    await driver.destroy(CLUSTER);
    await driver.destroy({ ...OTHER_CLUSTER, siteId: 'ucsd' });
    assert.deepEqual(await driver.observe('naist'), [running(OTHER_CLUSTER, 'compute-0')]);
    await driver.destroy(OTHER_CLUSTER);
    assert.deepEqual(await driver.observe('naist'), []);
    assert.deepEqual(await driver.observe('ucsd'), [running(OTHER_SITE, 'compute-1')]);
    await driver.destroy(OTHER_SITE);
    await assertNothingLeft(host);
  });

  test("somebody else's bridge of our name is left alone", LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const bridge = bridgeName(CLUSTER.deploymentId);
    await runCommandOrThrow('ip', ['link', 'add', 'name', bridge, 'type', 'bridge']);
    const before = await runCommandOrThrow('ip', ['link', 'show', 'dev', bridge]);
    await assert.rejects(driver.prepare(CLUSTER), isBootFailed);
    await driver.destroy(CLUSTER);
    assert.equal(await runCommandOrThrow('ip', ['link', 'show', 'dev', bridge]), before);
    await runCommandOrThrow('ip', ['link', 'delete', 'dev', bridge]);
    await assertNothingLeft(host);
  });

  test('formats §2: each disk bus boots, with each NIC model, and the seed beside it', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    await driver.prepare(CLUSTER);
    await runCommandOrThrow('ip', ['link', 'add', 'name', 'br-site', 'type', 'bridge']);
    t.after(() => runCommandOrThrow('ip', ['link', 'delete', 'dev', 'br-site']));
    const machines: Hardware[] = [
      { diskBus: 'virtio', nicModel: 'virtio' },
      { diskBus: 'ide', nicModel: 'rtl8139' },
      { diskBus: 'sata', nicModel: 'e1000' },
      { diskBus: 'scsi', nicModel: 'e1000' },
    ];
    for (const [i, hardware] of machines.entries()) {
      const name = `compute-${i}`;
      const seedFile = await writeSeed(host, name);
      const node = await planNode(host, name, {
        ...{ hardware, seedFile },
        interfaces: [
          { macAddress: macAddress(name), link: { kind: 'private' } },
          { macAddress: macAddress(name, 1), link: { kind: 'bridge', name: 'br-site' } },
        ],
      });
      await driver.boot(CLUSTER, node);
      await hearConsole(node);
      const pid = await pidOf(CLUSTER, node);
      for (const file of [node.overlayFile, node.backingFile, seedFile]) assert.ok(await hasOpen(pid, file), file);
      const ports = await Promise.all(
        [bridgeName(CLUSTER.deploymentId), 'br-site'].map((bridge) =>
          runCommandOrThrow('ip', ['-oneline', 'link', 'show', 'master', bridge]),
        ),
      );
      assert.deepEqual(
        ports.map((lines) => lines.trim().split('\n').length),
        [1, 1],
        'one interface on each',
      );
      const ready = connect(node.readySocket);
      await once(ready, 'connect');
      ready.destroy();
      await driver.stop(CLUSTER, 0, NEVER);
    }
    await driver.destroy(CLUSTER);
    await assertNothingLeft(host);
  });

  test(
    'formats §1: nodes reach each other on their private network, also where the host drops what it does not know',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      await runCommandOrThrow('iptables', ['--policy', 'FORWARD', 'DROP']);
      t.after(() => runCommandOrThrow('iptables', ['--policy', 'FORWARD', 'ACCEPT']));
      await driver.prepare(CLUSTER);
      const bridge = bridgeName(CLUSTER.deploymentId);
      const one = await startNetworkHost(t, { link: 'one', bridge, address: '10.1.1.1/16' });
      const two = await startNetworkHost(t, { link: 'two', bridge, address: '10.1.255.254/16' });
      const server = await one.serve(8022);
      assert.ok(await two.connect('10.1.1.1', 8022));
      assert.equal(await server.connectedFrom, '10.1.255.254');
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
    },
  );

  test('invariant 6: nodes run on when the driver has ended; the next one finds them', LIMIT, async (t) => {
    const host = await startHost(t);
    const node = await planNode(host, 'compute-0');
    const first = await host.openDriver(t);
    await bootCluster(first, CLUSTER, node);
    await first.close();
    const pid = await pidOf(CLUSTER, node);
    const next = await host.openDriver(t);
    assert.deepEqual(await next.observe('naist'), [running(CLUSTER, 'compute-0')]);
    await next.boot(CLUSTER, node);
    assert.equal(await pidOf(CLUSTER, node), pid);
    await hearConsole(node);
    await next.destroy(CLUSTER);
    await assertNothingLeft(host);
  });

  test(
    'fault 28: SIGKILL of whoever boots a cluster, at any moment: what is there is seen and goes away',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      const nodes = [await planNode(host, 'compute-0'), await planNode(host, 'compute-1')];
      /** @returns how long it took until it was killed, in seconds. */
      const bootUntil = async (killAfterSeconds: number): Promise<number> => {
        const program = fileURLToPath(new URL('../fixtures/boot-with-driver.ts', import.meta.url));
        const settings = [...host.driverArguments, JSON.stringify(CLUSTER), JSON.stringify(nodes)];
        const child = spawn(process.execPath, [program, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
        const closed = once(child, 'close');
        await once(child.stdout, 'data');
        const start = performance.now();
        await Promise.race([closed, delay(killAfterSeconds * 1000, undefined, { ref: false })]);
        child.kill('SIGKILL');
        await closed;
        return (performance.now() - start) / 1000;
      };
      const wholeSeconds = await bootUntil(60);
      assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0', 'compute-1')]);
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
      for (let round = 0; round < KILL_ROUNDS; round++) {
        await bootUntil((wholeSeconds * round) / KILL_ROUNDS);
        if (round % 2 === 0) {
          await bootCluster(driver, CLUSTER, ...nodes);
          for (const node of nodes) await pidOf(CLUSTER, node);
        }
        await driver.destroy(CLUSTER);
        assert.deepEqual(await driver.observe('naist'), []);
        await assertNothingLeft(host);
      }
    },
  );

  test('fault 38: a start that fails is BOOT_FAILED with the reason, and is undone', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const node = await planNode(host, 'compute-0');
    const link = { kind: 'bridge', name: 'br-missing' } as const;
    const broken: [RegExp, Partial<NodePlan>][] = [
      [/missing\.raw/, { backingFile: join(host.directory, 'missing.raw') }],
      [/missing\.qcow2/, { overlayFile: join(host.directory, 'missing.qcow2') }],
      [/br-missing/, { interfaces: [{ macAddress: macAddress('compute-0', 1), link }] }],
    ];
    await driver.prepare(CLUSTER);
    for (const [reason, change] of broken) {
      await assert.rejects(driver.boot(CLUSTER, { ...node, ...change }), (error) => {
        assert.ok(isBootFailed(error), String(error));
        assert.match((error as Error).message, reason);
        return true;
      });
      assert.deepEqual(await driver.observe('naist'), [running(CLUSTER)], 'only the network is there');
    }
    await driver.boot(CLUSTER, node);
    const twin = { ...(await planNode(host, 'compute-1')), interfaces: node.interfaces };
    await assert.rejects(driver.boot(CLUSTER, twin), isBootFailed, 'its MAC address is in use');
    assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-0')]);
    await driver.stop(CLUSTER, 0, NEVER);
    await assert.rejects(driver.boot(CLUSTER, { ...node, backingFile: join(host.directory, 'missing.raw') }));
    const nodes = [{ name: 'compute-0', running: false }];
    assert.deepEqual(await driver.observe('naist'), [{ ...CLUSTER, nodes, hasNetwork: true }], 'an old node stays');
    await driver.boot(CLUSTER, node);
    await driver.destroy(CLUSTER);
    await assertNothingLeft(host);
  });

  test('fault 38: without its network a cluster does not boot, and nothing is left', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    await assert.rejects(driver.boot(CLUSTER, await planNode(host, 'compute-0')), isBootFailed);
    assert.deepEqual(await driver.observe('naist'), []);
    await assertNothingLeft(host);
  });

  test(
    'fault 39: a node that an operator ends by hand is seen as off, and not turned on by itself',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      const node = await planNode(host, 'compute-0');
      await bootCluster(driver, CLUSTER, node);
      await hearConsole(node);
      const console = connect(node.consoleSocket);
      console.on('error', () => undefined);
      await once(console, 'connect');
      // Closed in either way: QEMU's end may come as a reset.
      const ended = new Promise((resolve) => console.resume().once('close', resolve));
      await killNode(driver, node);
      await ended;
      await driver.prepare(CLUSTER);
      const nodes = [{ name: 'compute-0', running: false }];
      assert.deepEqual(await driver.observe('naist'), [{ ...CLUSTER, nodes, hasNetwork: true }]);
      assert.deepEqual(await pidsOf(CLUSTER, node), []);
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
    },
  );

  test('fault 49: a name with metacharacters is refused before anything is made', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const node = await planNode(host, 'compute-0');
    await driver.prepare(CLUSTER);
    const hostile = ['x"/><disk type="file"/>', '../../x', 'a,readonly=off', '-x', 'a b', '$(id)', 'a\nb', ''];
    for (const name of hostile) {
      await assert.rejects(driver.boot(CLUSTER, { ...node, name }), isInvalid, name);
      const link = { kind: 'bridge', name } as const;
      const interfaces = [{ macAddress: macAddress('compute-0'), link }];
      await assert.rejects(driver.boot(CLUSTER, { ...node, interfaces }), isInvalid, name);
    }
    const eight = Array.from({ length: 8 }, (_, i) => ({
      macAddress: macAddress('compute-0', i),
      link: { kind: 'private' } as const,
    }));
    await assert.rejects(driver.boot(CLUSTER, { ...node, interfaces: eight }), isInvalid, 'too many interfaces');
    const odd = await planNode(host, 'compute-1', { overlayFile: join(host.directory, `a,b="c"<d>&'.qcow2`) });
    await runCommandOrThrow('mv', ['--', join(host.directory, 'compute-1.qcow2'), odd.overlayFile]);
    await driver.boot(CLUSTER, odd);
    await hearConsole(odd);
    assert.deepEqual(await driver.observe('naist'), [running(CLUSTER, 'compute-1')]);
    await driver.destroy(CLUSTER);
    await assertNothingLeft(host);
  });
}
