/** A Debian with the guest kit, on xfs, through the commands alone. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openAppliance } from '../../edge-agent/adapters/appliance/open-appliance.ts';
import { prepareGuest } from '../guests/build-guest.ts';
import { downloadKernelPackage, PACKAGE_CACHE } from '../helpers/appliance.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { bootGuest, DEAF_GRACE_SECONDS, FILE_LIMIT_SECONDS, LIMIT } from '../helpers/packed-guest.ts';
import { shutDownAndClean } from '../helpers/standalone-clusters.ts';
import { startStandaloneHost } from '../helpers/standalone-host.ts';

async function prepare(t: TestContext): Promise<void> {
  await prepareGuest('debian-kit-xfs')(t);
  await downloadKernelPackage((line) => t.diagnostic(line));
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: FILE_LIMIT_SECONDS, prepare })) {
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
    await shutDownAndClean(host, cluster, DEAF_GRACE_SECONDS);
  });
}
