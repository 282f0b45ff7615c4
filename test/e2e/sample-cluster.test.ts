/** The sample image on this host: built, personalized, booted by libvirt, ready, reached by ssh, destroyed. Real at every step. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { createGuestSignals, type GuestSignalsOptions } from '../../edge-agent/adapters/guest-signals.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { createLibvirtDriver } from '../../edge-agent/drivers/libvirt/libvirt-driver.ts';
import type { NodeInterface, NodePlan, ReadySign } from '../../edge-agent/ports.ts';
import { createPublicNetwork } from '../../local/public-network.ts';
import { buildSampleImage } from '../../local/sample-image/build-sample-image.ts';
import { downloadPackages } from '../../local/sample-image/packages.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { startLibvirtHost } from '../helpers/libvirt-host.ts';

const CLUSTER = { siteId: 'naist', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ' };
/** As in the fixture. */
const COMPUTE_LINK = {
  deploymentId: CLUSTER.deploymentId,
  macAddress: '52:54:00:00:00:03',
  address: '10.1.255.254',
  inquiryAddress: '10.1.0.1',
};
const READY_WITHIN_SECONDS = 180;
/** Where no guest of ours listens. */
const NO_SSH_PORT = 9;
/** Kept between runs: only Debian's packages, never what a test made. */
const PACKAGE_CACHE = fileURLToPath(new URL('../../build/debian-packages', import.meta.url));
const FRONTEND_INTERFACES: readonly NodeInterface[] = [
  { macAddress: '52:54:00:00:00:01', link: { kind: 'private' } },
  { macAddress: '52:54:00:00:00:02', link: { kind: 'libvirt-network', name: 'edgeboot-naist' } },
];

const prepare = (t: TestContext): Promise<string> => downloadPackages(PACKAGE_CACHE, (line) => t.diagnostic(line));

if (inNamespaces(import.meta.filename, { timeoutSeconds: 900, prepare })) {
  test('a frontend and a compute come up, and the member reaches both', { timeout: 600_000 }, async (t) => {
    const { libvirtd, acceleration, directory } = await startLibvirtHost(t);
    const image = await buildSampleImage({
      directory: join(directory, 'image'),
      cacheDirectory: PACKAGE_CACHE,
      log: (line) => t.diagnostic(line),
    });
    const publicNetwork = { name: 'edgeboot-naist', bridge: 'eb-naist', gatewayAddress: '192.0.2.1' };
    await createPublicNetwork(libvirtd.uri, { ...publicNetwork, netmask: '255.255.255.0' });
    const driver = await createLibvirtDriver({ uri: libvirtd.uri, acceleration });
    t.after(() => driver.close());

    const keyFile = join(directory, 'id');
    await runCommandOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', keyFile]);
    const publicKey = (await readFile(`${keyFile}.pub`, 'utf8')).trim();
    const nodes: { readonly plan: NodePlan; readonly fixture: string }[] = [
      { plan: plan('vc1', 'frontend', image.frontendDisk, FRONTEND_INTERFACES), fixture: 'frontend.xml' },
      {
        plan: plan('compute-0', 'compute', image.computeDisk, [
          { macAddress: COMPUTE_LINK.macAddress, link: { kind: 'private' } },
        ]),
        fixture: 'compute.xml',
      },
    ];
    const disks = createQemuNodeDisks({ applianceDirectory: join(directory, 'appliance'), acceleration });
    await driver.prepare(CLUSTER);
    for (const { plan, fixture } of nodes) {
      const document = await readFile(new URL(`../fixtures/vc-out/${fixture}`, import.meta.url), 'utf8');
      const content = document.replace(/<key>.*<\/key>/s, `<key>${publicKey}</key>`);
      await disks.createOverlay(plan.backingFile, plan.overlayFile, t.signal);
      await disks.personalize(plan.overlayFile, [{ path: '/root/vc-out.xml', content, mode: 0o600 }], t.signal);
      await driver.boot(CLUSTER, plan);
    }
    const awaitAll = (options: GuestSignalsOptions, socketEnding: string): Promise<readonly ReadySign[]> => {
      const signals = createGuestSignals(options);
      return Promise.all(
        nodes.map(({ plan }) => {
          const { name, role, readySocket, consoleSocket } = plan;
          const sockets = {
            readySocket: `${readySocket}${socketEnding}`,
            consoleSocket: `${consoleSocket}${socketEnding}`,
          };
          const seen =
            role === 'frontend'
              ? { publicAddress: '192.0.2.10', privateLink: undefined }
              : { publicAddress: undefined, privateLink: COMPUTE_LINK };
          return signals.awaitReady({ name, ...sockets, ...seen }, READY_WITHIN_SECONDS, t.signal);
        }),
      );
    };
    const [withKit, withoutKit] = await Promise.all([
      awaitAll({ sshPort: NO_SSH_PORT, kitGraceSeconds: READY_WITHIN_SECONDS }, ''),
      // Nobody listens on its sockets: the nodes are as ones that know nothing of us.
      awaitAll({ kitGraceSeconds: 0 }, '.none'),
    ]);
    assert.deepEqual(withKit, ['guest-kit', 'guest-kit']);
    assert.deepEqual(withoutKit, ['ssh-banner', 'arp']);

    const sshOptions = ['-A', '-i', keyFile, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'];
    const orders = 'hostname; cat /tmp/machinefile; dbclient -y compute-0 "hostname; cat /etc/resolv.conf"';
    // The agent holds the key only for as long as this command runs.
    const said = await runCommandOrThrow('ssh-agent', [
      ...['sh', '-c', 'ssh-add -q "$1" && shift && exec ssh "$@"', 'sh', keyFile],
      ...[...sshOptions, 'root@192.0.2.10', orders],
    ]);
    assert.equal(said, 'vc1\ncompute-0\ncompute-0\ncompute-1\ncompute-0\nsearch local\nnameserver 192.0.2.53\n');
    const wrongKey = await runCommand('ssh', [
      '-o',
      'BatchMode=yes',
      ...sshOptions.slice(3),
      'root@192.0.2.10',
      'true',
    ]);
    assert.notEqual(wrongKey.exitCode, 0, 'nobody logs in without the key');

    await driver.destroy(CLUSTER);
    assert.deepEqual(await driver.observe(CLUSTER.siteId), []);
    await libvirtd.close();
    assert.doesNotMatch(await runCommandOrThrow('ip', ['link']), /eb-|vnet/);
    assert.doesNotMatch(await runCommandOrThrow('ps', ['-e', '-o', 'comm']), /qemu|libvirtd|dnsmasq/);
    for (const save of ['iptables-save', 'ip6tables-save']) {
      assert.doesNotMatch(await runCommandOrThrow(save, []), /LIBVIRT/);
    }

    function plan(
      name: string,
      role: NodePlan['role'],
      backingFile: string,
      interfaces: readonly NodeInterface[],
    ): NodePlan {
      const fileOf = (suffix: string): string => join(directory, `${name}.${suffix}`);
      return {
        ...{ name, role, cpus: 1, memoryMiB: 256, backingFile, interfaces },
        hardware: { diskBus: 'virtio', nicModel: 'virtio' },
        ...{ overlayFile: fileOf('qcow2'), readySocket: fileOf('ready'), consoleSocket: fileOf('console') },
      };
    }
  });
}
