/** A guest of the original whose disk nobody wrote into: it asks DHCP, fetches its document, and becomes what that says. Formats, section 5. */
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEBIAN_QEMU_USER, probeAcceleration } from '#shared/host/probe-acceleration.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { createUserDataChannel } from '../../edge-agent/adapters/user-data-channel.ts';
import { planCluster } from '../../edge-agent/core/plan-cluster.ts';
import { servedNetworks } from '../../edge-agent/core/served-networks.ts';
import { createQemuDriver } from '../../edge-agent/drivers/qemu/qemu-driver.ts';
import { nodePlan } from '../../edge-agent/steps/personalize.ts';
import { buildGuest, prepareGuest } from '../guests/build-guest.ts';
import { applianceOptions } from '../helpers/appliance.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { PUBLIC_NETWORK, SSH_KEY } from '../helpers/model-samples.ts';

const SAYS_WITHIN_SECONDS = 120;

/** Answers what the guest has said when it says `wanted`. */
async function hearConsole(consoleSocket: string, wanted: RegExp): Promise<string> {
  const socket = connect(consoleSocket);
  let said = '';
  for await (const chunk of socket
    .setEncoding('latin1')
    .setTimeout(SAYS_WITHIN_SECONDS * 1000, () => socket.destroy())) {
    said += chunk as string;
    if (wanted.test(said)) return said;
  }
  throw new Error(`the guest did not say ${String(wanted)}, but:\n${said}`);
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 900, prepare: prepareGuest('legacy') })) {
  test('formats §5: a guest without a document asks DHCP on eth0, and fetches /latest/user-data', async (t) => {
    const directory = await mkdtemp('/var/tmp/edgeboot-');
    t.after(() => rm(directory, { recursive: true, force: true }));
    await chmod(directory, 0o711);
    const plan = planCluster(
      {
        siteId: 'standalone',
        deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ',
        imageName: 'legacy',
        computeCpus: [1],
        memoryMiB: { frontend: 128, compute: 128 },
        sshPublicKeys: [SSH_KEY],
      },
      '192.0.2.10',
      PUBLIC_NETWORK,
    );
    const built = await buildGuest('legacy', (line) => t.diagnostic(line));
    // Where QEMU's user gets to.
    const computeDisk = join(directory, 'compute.raw');
    await copyFile(built.computeDisk, computeDisk);
    const clusterDirectory = join(directory, 'cluster');
    await mkdir(clusterDirectory, { mode: 0o711 });
    const [, compute] = plan.nodes;
    assert.ok(compute);
    const node = nodePlan(plan, compute, { diskOf: () => computeDisk }, clusterDirectory);
    await createQemuNodeDisks(applianceOptions(directory)).createOverlay(node.backingFile, node.overlayFile, t.signal);

    const acceleration = await probeAcceleration({ qemuUser: DEBIAN_QEMU_USER });
    const qemuUser = DEBIAN_QEMU_USER;
    const driver = await createQemuDriver({ stateDirectory: join(directory, 'qemu'), acceleration, qemuUser });
    const channel = createUserDataChannel();
    const { deploymentId } = plan;
    const served = { deploymentId, directory: clusterDirectory };
    t.after(async () => {
      await driver.destroy(plan);
      await channel.close(served);
    });
    await driver.prepare(plan);
    await channel.open({ ...served, networks: servedNetworks(plan, undefined, SSH_KEY) });
    await driver.boot(plan, node);

    const said = await hearConsole(node.consoleSocket, /vc: compute-0 is configured/);
    assert.match(said, new RegExp(`vc: asking ${plan.privateNetwork.serverAddress.replaceAll('.', '\\.')}`));
  });
}
