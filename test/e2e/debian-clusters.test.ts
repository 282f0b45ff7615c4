/**
 * Real clusters of other people's making, through the commands alone: packed, booted, used, removed. A Debian with the guest kit on ext4,
 * which computes with MPI; one on xfs; one with cloud-init and no kit; and a guest that does only what the original's guests did.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openAppliance } from '../../edge-agent/adapters/appliance/open-appliance.ts';
import { EDGEBOOT, runProgram } from '../../local/federation/program.ts';
import { buildGuest, type GuestKind } from '../guests/build-guest.ts';
import { downloadKernelPackage, PACKAGE_CACHE } from '../helpers/appliance.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { type BootedCluster, shutDownAndClean } from '../helpers/standalone-clusters.ts';
import { type StandaloneHost, startStandaloneHost } from '../helpers/standalone-host.ts';

const CACHE = fileURLToPath(new URL('../../build', import.meta.url));
const LIMIT = { timeout: 1_500_000 };
const KINDS: readonly GuestKind[] = ['debian-kit-ext4', 'debian-kit-xfs', 'debian-cloud-init', 'legacy'];

/** A compute that is ready by its network alone may still be starting its services. */
const ASK_COMPUTE = 'for i in $(seq 180); do ssh compute-0 hostname 2>/dev/null && break; sleep 1; done';

/** Outside, where there is a network. */
async function prepare(t: TestContext): Promise<void> {
  const log = (line: string): void => t.diagnostic(line);
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  try {
    for (const kind of KINDS) await buildGuest(kind, { directory, cacheDirectory: CACHE, log });
    await downloadKernelPackage(log);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Wish {
  readonly kind: GuestKind;
  readonly computes: number;
  readonly memoryMiB: number;
  /** Arguments of `edgeboot image pack`. */
  readonly packAs?: readonly string[];
}

async function bootGuest(t: TestContext, host: StandaloneHost, wish: Wish): Promise<BootedCluster> {
  const { kind, computes, memoryMiB, packAs = [] } = wish;
  const log = (line: string): void => t.diagnostic(line);
  const directory = join(host.directory, 'guest');
  const { frontendDisk, computeDisk } = await buildGuest(kind, { directory, cacheDirectory: CACHE, log });
  const repository = join(host.directory, 'repository');
  const pack = ['image', 'pack', '--frontend', frontendDisk, '--compute', computeDisk, '--name', kind];
  const env = { EDGEBOOT_CONFIG_DIRECTORY: join(host.directory, 'member') };
  const packed = await runProgram(EDGEBOOT, [...pack, '--output', repository, ...packAs], { env, onWords: log });
  assert.equal(packed.exitCode, 0, packed.stderr);
  return host.ask<BootedCluster>(
    ...['boot', kind, String(computes), '--computes', String(computes), '--repository', repository],
    ...['--key', `${host.keyFile}.pub`, '--memory', String(memoryMiB)],
  );
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 3000, prepare })) {
  test('a Debian with the guest kit is a cluster: MPI over /tmp/machinefile on 1 + 2 nodes', LIMIT, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'libvirt' });
    const cluster = await bootGuest(t, host, { kind: 'debian-kit-ext4', computes: 2, memoryMiB: 512 });
    const onFrontend = (command: string): Promise<string> => host.ssh(cluster.publicAddress, command);
    assert.equal(await onFrontend('cat /tmp/machinefile'), 'compute-0\ncompute-1\n');
    assert.equal(await onFrontend('mpirun -f /tmp/machinefile -n 2 hostname | sort'), 'compute-0\ncompute-1\n');
    // Messages from one compute to the other, and back.
    const pingPong = await onFrontend('cd /tmp && mpirun -f /tmp/machinefile -n 2 NPmpich2 -u 64 2>&1');
    assert.match(pingPong, /^ *\d+: +64 bytes .* Mbps/m);
    await shutDownAndClean(host, cluster);
    assert.deepEqual(await host.leftovers(), []);
  });

  test('formats §1: a Debian whose root is xfs boots by default', LIMIT, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'qemu' });
    // The agent would download a kernel where the host has none: here is no network.
    const applianceDirectory = join(host.directory, 'state/appliance');
    const appliance = await openAppliance({ applianceDirectory, packageCacheDirectory: PACKAGE_CACHE }, t.signal);
    await appliance[Symbol.asyncDispose]();
    const cluster = await bootGuest(t, host, { kind: 'debian-kit-xfs', computes: 1, memoryMiB: 512 });
    assert.match(
      await host.ssh(cluster.publicAddress, 'findmnt -no FSTYPE /; ssh compute-0 hostname'),
      /^xfs\ncompute-0$/m,
    );
    await shutDownAndClean(host, cluster);
  });

  test('an ordinary Debian with cloud-init joins through its seed', LIMIT, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'qemu' });
    const cluster = await bootGuest(t, host, { kind: 'debian-cloud-init', computes: 1, memoryMiB: 512 });
    const said = await host.ssh(cluster.publicAddress, `hostname; cat /tmp/machinefile; ${ASK_COMPUTE}`);
    assert.equal(said, `${cluster.name}\ncompute-0\ncompute-0\n`);
    await shutDownAndClean(host, cluster);
  });

  test("formats §5: the original's guests find their way, and rename the document", LIMIT, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'libvirt' });
    const packAs = ['--legacy', 'splited_gzip'];
    const cluster = await bootGuest(t, host, { kind: 'legacy', computes: 1, memoryMiB: 128, packAs });
    const said = await host.ssh(
      cluster.publicAddress,
      'hostname; cat /tmp/machinefile; ls /root; ping -c 1 -w 30 compute-0',
    );
    assert.match(said, new RegExp(`^${cluster.name}\ncompute-0\n`));
    assert.match(said, /vc-out\.xml\.old/);
    assert.match(said, /1 packets received/);
    await shutDownAndClean(host, cluster);
  });
}
