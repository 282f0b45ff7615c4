/** What every HypervisorDriver does, over the libvirt driver, a real libvirtd and real domains with a guest of 512 bytes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { createLibvirtDriver } from '../../edge-agent/drivers/libvirt/libvirt-driver.ts';
import type { ClusterIdentity, HypervisorDriver, NodePlan } from '../../edge-agent/ports.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { startLibvirtHost, type LibvirtHost } from '../helpers/libvirt-host.ts';
import { writeTinyGuest } from '../helpers/tiny-guest.ts';

const CLUSTER: ClusterIdentity = { siteId: 'naist', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ' };
const OTHER_CLUSTER: ClusterIdentity = { siteId: 'naist', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXY0' };
const OTHER_SITE: ClusterIdentity = { siteId: 'ucsd', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXY1' };
const LIMIT = { timeout: 120_000 };

async function openDriver(t: TestContext, host: LibvirtHost): Promise<HypervisorDriver> {
  const driver = await createLibvirtDriver({
    uri: host.libvirtd.uri,
    acceleration: host.acceleration,
    callTimeoutSeconds: 10,
  });
  t.after(() => driver.close());
  return driver;
}

async function planNode(host: LibvirtHost, name: string, macAddress: string): Promise<NodePlan> {
  const backingFile = join(host.directory, 'base.raw');
  const overlayFile = join(host.directory, `${name}.qcow2`);
  await writeTinyGuest(backingFile);
  await createQemuNodeDisks().createOverlay(backingFile, overlayFile, AbortSignal.timeout(60_000));
  return {
    name,
    role: 'compute',
    cpus: 1,
    memoryMiB: 16,
    backingFile,
    overlayFile,
    interfaces: [{ network: 'private', macAddress }],
    readySocket: join(host.directory, `${name}.ready`),
    consoleSocket: join(host.directory, `${name}.console`),
  };
}

async function bootCluster(driver: HypervisorDriver, cluster: ClusterIdentity, node: NodePlan): Promise<void> {
  await driver.createPrivateNetwork(cluster);
  await driver.bootNode(cluster, node);
}

async function hearConsole(node: NodePlan): Promise<string> {
  const socket = connect(node.consoleSocket);
  let heard = '';
  try {
    while (!heard.includes('READY')) {
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      heard += chunk.toString();
    }
    return heard;
  } finally {
    socket.destroy();
  }
}

const virsh = (host: LibvirtHost, ...args: string[]): Promise<string> =>
  runCommandOrThrow('virsh', ['--quiet', '--connect', host.libvirtd.uri, ...args]);

if (inNamespaces(import.meta.filename, { timeoutSeconds: 600 })) {
  test('boots, observes and destroys a cluster; each call may come twice', LIMIT, async (t) => {
    const host = await startLibvirtHost(t);
    const driver = await openDriver(t, host);
    const node = await planNode(host, 'compute-0', '52:54:00:00:00:01');

    const description = await driver.describeHost();
    assert.ok(description.cpus > 0 && description.memoryMiB > 0);
    assert.equal(description.acceleration, host.acceleration);
    assert.deepEqual(await driver.observe(CLUSTER.siteId), []);
    await driver.destroyCluster(CLUSTER);

    await bootCluster(driver, CLUSTER, node);
    assert.match(await hearConsole(node), /READY/);
    const domainId = await virsh(host, 'domid', 'edgeboot-01jdabcdefghjkmnpqrstvwxyz-compute-0');
    await bootCluster(driver, CLUSTER, node);
    assert.equal(await virsh(host, 'domid', 'edgeboot-01jdabcdefghjkmnpqrstvwxyz-compute-0'), domainId);
    assert.deepEqual(await driver.observe(CLUSTER.siteId), [
      { ...CLUSTER, nodes: [{ name: 'compute-0', running: true }], hasNetwork: true },
    ]);
    assert.equal((await stat(node.backingFile)).uid, 0, 'the shared backing file stays ours');

    await driver.destroyCluster(CLUSTER);
    await driver.destroyCluster(CLUSTER);
    assert.deepEqual(await driver.observe(CLUSTER.siteId), []);
    assert.equal((await virsh(host, 'list', '--all', '--name')).trim(), '');
    assert.equal((await virsh(host, 'net-list', '--all', '--name')).trim(), '');
    assert.doesNotMatch(await runCommandOrThrow('ip', ['link']), /eb-/);
  });

  test('touches only what carries its own mark', LIMIT, async (t) => {
    const host = await startLibvirtHost(t);
    const driver = await openDriver(t, host);
    await bootCluster(driver, OTHER_CLUSTER, await planNode(host, 'compute-0', '52:54:00:00:00:01'));
    await bootCluster(driver, OTHER_SITE, await planNode(host, 'compute-1', '52:54:00:00:00:02'));
    const foreign = join(host.directory, 'foreign.xml');
    const foreignName = 'edgeboot-01jdabcdefghjkmnpqrstvwxyz';
    await writeFile(foreign, `<network><name>${foreignName}</name><bridge name="foreign"/></network>`);
    await virsh(host, 'net-define', foreign);

    await assert.rejects(driver.createPrivateNetwork(CLUSTER), (error) => hasCode(error, 'BOOT_FAILED'));
    await driver.destroyCluster(CLUSTER);
    assert.match(await virsh(host, 'net-list', '--all', '--name'), new RegExp(`^${foreignName}$`, 'm'));
    assert.deepEqual(
      (await driver.observe('naist')).map(({ deploymentId }) => deploymentId),
      [OTHER_CLUSTER.deploymentId],
    );
    await driver.destroyCluster(OTHER_CLUSTER);
    assert.deepEqual(await driver.observe('naist'), []);
    assert.deepEqual(await driver.observe('ucsd'), [
      { ...OTHER_SITE, nodes: [{ name: 'compute-1', running: true }], hasNetwork: true },
    ]);
  });

  test('domains outlive the driver, and libvirtd; a call without libvirtd is HYPERVISOR_BUSY', LIMIT, async (t) => {
    const host = await startLibvirtHost(t);
    const driver = await openDriver(t, host);
    const node = await planNode(host, 'compute-0', '52:54:00:00:00:01');
    await bootCluster(driver, CLUSTER, node);
    await driver.close();

    const next = await openDriver(t, host);
    const running = [{ ...CLUSTER, nodes: [{ name: 'compute-0', running: true }], hasNetwork: true }];
    assert.deepEqual(await next.observe('naist'), running);
    await host.libvirtd.stopDaemon();
    await assert.rejects(next.bootNode(CLUSTER, node), (error) => hasCode(error, 'HYPERVISOR_BUSY'));
    await assert.rejects(createLibvirtDriver({ uri: host.libvirtd.uri, acceleration: host.acceleration }), (error) =>
      hasCode(error, 'HYPERVISOR_BUSY'),
    );
    assert.match(await hearConsole(node), /READY/);
    await host.libvirtd.startDaemon();
    assert.deepEqual(await next.observe('naist'), running);
    await next.bootNode(CLUSTER, node);
    await next.destroyCluster(CLUSTER);
  });

  test('a libvirtd that hangs is HYPERVISOR_BUSY, and works again once it goes on', LIMIT, async (t) => {
    const host = await startLibvirtHost(t);
    const driver = await createLibvirtDriver({
      uri: host.libvirtd.uri,
      acceleration: host.acceleration,
      callTimeoutSeconds: 2,
    });
    t.after(() => driver.close());
    const daemon = (await runCommandOrThrow('pgrep', ['-x', 'libvirtd'])).trim();
    await runCommandOrThrow('kill', ['-STOP', daemon]);
    await assert.rejects(driver.describeHost(), (error) => hasCode(error, 'HYPERVISOR_BUSY'));
    await runCommandOrThrow('kill', ['-CONT', daemon]);
    assert.ok((await driver.describeHost()).cpus > 0);
  });

  test("libvirt's refusal is BOOT_FAILED in its own words, and leaves nothing running", LIMIT, async (t) => {
    const host = await startLibvirtHost(t);
    const driver = await openDriver(t, host);
    const node = await planNode(host, 'compute-0', '52:54:00:00:00:01');
    await driver.createPrivateNetwork(CLUSTER);
    const broken = { ...node, backingFile: join(host.directory, 'missing.raw') };
    await assert.rejects(driver.bootNode(CLUSTER, broken), (error) => {
      return hasCode(error, 'BOOT_FAILED') && error.message.includes('missing.raw');
    });
    assert.notEqual((await runCommand('pgrep', ['qemu-system'])).exitCode, 0);
    await driver.bootNode(CLUSTER, node);
    await driver.destroyCluster(CLUSTER);
  });
}
