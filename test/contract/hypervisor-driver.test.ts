/** The suite over all drivers on the libvirt driver with a real libvirtd, and what is only libvirt's. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { buildDomainXml } from '../../edge-agent/core/domain-xml.ts';
import { bridgeName, domainName, networkName, stableUuid } from '../../edge-agent/core/libvirt-names.ts';
import { createLibvirtDriver, type LibvirtDriver } from '../../edge-agent/drivers/libvirt/libvirt-driver.ts';
import { assertNothingLeft, hearConsole, pidOf, pidsOf, planNode, type DriverHost } from '../helpers/driver-host.ts';
import { bootCluster, CLUSTER, driverSuite, LIMIT, NEVER } from '../helpers/driver-suite.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { startLibvirtHost, type LibvirtHost } from '../helpers/libvirt-host.ts';

const CALL_TIMEOUT_SECONDS = 10;
const DOMAIN = domainName(CLUSTER.deploymentId, 'compute-0');

const virsh = (host: LibvirtHost, ...args: string[]): Promise<string> =>
  runCommandOrThrow('virsh', ['--quiet', '--connect', host.libvirtd.uri, ...args]);

interface Host extends LibvirtHost, DriverHost {
  openDriver(t: TestContext): Promise<LibvirtDriver>;
}

async function startHost(t: TestContext): Promise<Host> {
  const host = await startLibvirtHost(t);
  const { acceleration } = host;
  const options = { uri: host.libvirtd.uri, acceleration, callTimeoutSeconds: CALL_TIMEOUT_SECONDS };
  return {
    ...host,
    driverArguments: ['libvirt', JSON.stringify(options)],
    openDriver: async (test) => {
      const driver = await createLibvirtDriver(options);
      test.after(() => driver.close());
      return driver;
    },
    listDefinitions: async () => {
      const lists = [await virsh(host, 'list', '--all', '--name'), await virsh(host, 'net-list', '--all', '--name')];
      return lists.flatMap((list) => list.split('\n').filter(Boolean));
    },
  };
}

const isBusy = (error: unknown): boolean => hasCode(error, 'HYPERVISOR_BUSY');

if (inNamespaces(import.meta.filename, { timeoutSeconds: 900 })) {
  driverSuite(startHost);

  test("somebody else's network of our name is left alone", LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const foreign = join(host.directory, 'foreign.xml');
    const foreignName = networkName(CLUSTER.deploymentId);
    await writeFile(foreign, `<network><name>${foreignName}</name><bridge name="foreign"/></network>`);
    await virsh(host, 'net-define', foreign);
    await assert.rejects(driver.prepare(CLUSTER), (error) => hasCode(error, 'BOOT_FAILED'));
    await driver.destroy(CLUSTER);
    assert.deepEqual(await host.listDefinitions(), [foreignName]);
    assert.equal(await driver.bridgeOf(foreignName), 'foreign');
    await assert.rejects(driver.bridgeOf('none'), (error) => hasCode(error, 'INVALID_CONFIG'));
  });

  test('fault 37: domains outlive libvirtd; a call without it is HYPERVISOR_BUSY', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await host.openDriver(t);
    const node = await planNode(host, 'compute-0');
    await bootCluster(driver, CLUSTER, node);
    const running = [{ ...CLUSTER, nodes: [{ name: 'compute-0', running: true }], hasNetwork: true }];
    await host.libvirtd.stopDaemon();
    await assert.rejects(driver.boot(CLUSTER, node), isBusy);
    await assert.rejects(driver.stop(CLUSTER, 0, NEVER), isBusy);
    await assert.rejects(createLibvirtDriver({ uri: host.libvirtd.uri, acceleration: host.acceleration }), isBusy);
    await hearConsole(node);
    await host.libvirtd.startDaemon();
    assert.deepEqual(await driver.observe('naist'), running);
    await driver.boot(CLUSTER, node);
    await driver.destroy(CLUSTER);
    await assertNothingLeft(host);
  });

  test(
    'fault 37: libvirtd restarted between define and start, or in the middle: one domain by its UUID',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      const node = await planNode(host, 'compute-0');
      await driver.prepare(CLUSTER);
      const file = join(host.directory, 'domain.xml');
      await writeFile(file, buildDomainXml(CLUSTER, node, host.acceleration));
      await virsh(host, 'define', file);
      await host.libvirtd.stopDaemon();
      await host.libvirtd.startDaemon();
      for (let round = 0; round < 3; round++) {
        const booting = driver.boot(CLUSTER, node).catch((error: unknown) => error);
        // In the first round it is let through.
        if (round > 0) await host.libvirtd.stopDaemon();
        const failure = await booting;
        assert.ok(failure === undefined || isBusy(failure) || hasCode(failure, 'BOOT_FAILED'), String(failure));
        if (round > 0) await host.libvirtd.startDaemon();
        await driver.boot(CLUSTER, node);
        await pidOf(CLUSTER, node);
        assert.equal((await virsh(host, 'domuuid', DOMAIN)).trim(), stableUuid(CLUSTER.deploymentId, 'node/compute-0'));
        await driver.stop(CLUSTER, 0, NEVER);
        assert.deepEqual(await pidsOf(CLUSTER, node), []);
      }
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
    },
  );

  test('fault 37: a libvirtd that hangs is HYPERVISOR_BUSY, and works again once it goes on', LIMIT, async (t) => {
    const host = await startHost(t);
    const driver = await createLibvirtDriver({
      uri: host.libvirtd.uri,
      acceleration: host.acceleration,
      callTimeoutSeconds: 2,
    });
    t.after(() => driver.close());
    const daemon = (await runCommandOrThrow('pgrep', ['-x', 'libvirtd'])).trim();
    await runCommandOrThrow('kill', ['-STOP', daemon]);
    await assert.rejects(driver.describeHost(), isBusy);
    await runCommandOrThrow('kill', ['-CONT', daemon]);
    assert.ok((await driver.describeHost()).cpus > 0);
  });

  test(
    'fault 39: a domain that an operator has undefined is gone, and its network stays until it is destroyed',
    LIMIT,
    async (t) => {
      const host = await startHost(t);
      const driver = await host.openDriver(t);
      await bootCluster(driver, CLUSTER, await planNode(host, 'compute-0'));
      assert.equal(await driver.bridgeOf(networkName(CLUSTER.deploymentId)), bridgeName(CLUSTER.deploymentId));
      await virsh(host, 'destroy', DOMAIN);
      await virsh(host, 'undefine', DOMAIN);
      assert.deepEqual(await driver.observe('naist'), [{ ...CLUSTER, nodes: [], hasNetwork: true }]);
      await driver.destroy(CLUSTER);
      await assertNothingLeft(host);
    },
  );
}
