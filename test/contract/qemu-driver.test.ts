/** The suite over all drivers on plain processes of QEMU, and what is only theirs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { DEBIAN_QEMU_USER, probeAcceleration } from '#shared/host/probe-acceleration.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { bridgeName, domainName, stableUuid } from '../../edge-agent/core/libvirt-names.ts';
import { createQemuDriver } from '../../edge-agent/drivers/qemu/qemu-driver.ts';
import { assertNothingLeft, hearConsole, pidOf, planNode, type DriverHost } from '../helpers/driver-host.ts';
import { bootCluster, CLUSTER, driverSuite, killNode, LIMIT } from '../helpers/driver-suite.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';

async function startHost(t: TestContext): Promise<DriverHost> {
  // Not below /tmp, which may be a small memory file system; short, since sockets go below it.
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o711);
  const acceleration = await probeAcceleration({ qemuUser: DEBIAN_QEMU_USER });
  const stateDirectory = join(directory, 'qemu');
  const options = { stateDirectory, acceleration, qemuUser: DEBIAN_QEMU_USER };
  return {
    directory,
    acceleration,
    driverArguments: ['qemu', JSON.stringify(options)],
    openDriver: async (test) => {
      const driver = await createQemuDriver(options);
      test.after(async () => {
        await driver.destroy(CLUSTER);
        await driver.close();
      });
      return driver;
    },
    listDefinitions: () => readdir(stateDirectory),
  };
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 900 })) {
  driverSuite(startHost);

  test(
    'QEMU is confined: no root, no new rights, no system calls that it does not need, no folder to write into',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      const node = await planNode(host, 'compute-0');
      await bootCluster(driver, CLUSTER, node);
      const status = await readFile(`/proc/${await pidOf(CLUSTER, node)}/status`, 'utf8');
      const uid = (await runCommandOrThrow('id', ['-u', DEBIAN_QEMU_USER])).trim();
      assert.match(status, new RegExp(`^Uid:\\t${uid}\\t${uid}\\t${uid}\\t${uid}$`, 'm'));
      assert.match(status, /^NoNewPrivs:\t1$/m);
      assert.match(status, /^Seccomp:\t2$/m);
      assert.match(status, /^CapBnd:\t0+$/m);
      assert.match(status, /^CapPrm:\t0+$/m);
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
    },
  );

  test('a network of libvirt is refused', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const link = { kind: 'libvirt-network', name: 'default' } as const;
    const node = await planNode(host, 'compute-0', { interfaces: [{ macAddress: '52:54:00:00:00:01', link }] });
    await driver.prepare(CLUSTER);
    await assert.rejects(driver.boot(CLUSTER, node), (error) => hasCode(error, 'INVALID_CONFIG'));
    await driver.destroy(CLUSTER);
    await assertNothingLeft(host);
  });

  test('after a restart of the host the nodes are off, and boot again', LIMIT, async (t) => {
    const host = await startHost(t);
    const node = await planNode(host, 'compute-0');
    const before = await host.openDriver(t);
    await bootCluster(before, CLUSTER, node);
    await killNode(before, node);
    await before.close();
    await runCommandOrThrow('ip', ['link', 'delete', 'dev', bridgeName(CLUSTER.deploymentId)]);

    const after = await host.openDriver(t);
    const nodes = [{ name: 'compute-0', running: false }];
    assert.deepEqual(await after.observe('naist'), [{ ...CLUSTER, nodes, hasNetwork: false }]);
    await assert.rejects(after.boot(CLUSTER, node), (error) => hasCode(error, 'BOOT_FAILED'));
    await bootCluster(after, CLUSTER, node);
    await hearConsole(node);
    await after.destroy(CLUSTER);
    await assertNothingLeft(host);
  });

  test("somebody else's process that looks like a node is none, and lives on", LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const node = await planNode(host, 'compute-0');
    await driver.prepare(CLUSTER);
    const mark = ['-name', `guest=${domainName(CLUSTER.deploymentId, node.name)}`];
    const uuid = ['-uuid', stableUuid(CLUSTER.deploymentId, `node/${node.name}`)];
    const program = ['sh', '-c', 'read line', 'sh', ...mark, ...uuid];
    const impostor = spawn('setpriv', ['--reuid=65534', '--clear-groups', ...program], { stdio: 'pipe' });
    const ended = once(impostor, 'close');
    await driver.boot(CLUSTER, node);
    await driver.destroy(CLUSTER);
    assert.equal(impostor.exitCode, null);
    impostor.kill();
    await ended;
    await assertNothingLeft(host);
  });
}
