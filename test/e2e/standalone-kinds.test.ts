/**
 * Existing virtual clusters of every kind, unmodified, from a plain web server: booted by one command without any federation, with
 * real guests; then shut down, cleaned, and nothing left. Formats, sections 1 to 6.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prepareGuest } from '../guests/build-guest.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { startNginx } from '../helpers/nginx.ts';
import { type BootedCluster, bootArguments, makeRepository, shutDownAndClean } from '../helpers/standalone-clusters.ts';
import { startStandaloneHost } from '../helpers/standalone-host.ts';
import { VINTAGE_KINDS } from '../helpers/vintage-repository.ts';

const KINDS = Object.keys(VINTAGE_KINDS);

if (inNamespaces(import.meta.filename, { timeoutSeconds: 1500, prepare: prepareGuest('sample') })) {
  test('formats §1–§6: every legacy kind boots from a plain web server', { timeout: 1_400_000 }, async (t) => {
    const host = await startStandaloneHost(t, { driver: 'libvirt' });
    const directory = await makeRepository(t, host);
    const { address } = await startNginx(t, directory);
    const listed = await host.ask<{ name: string; kind: string }[]>('list', 'repository', '--repository', address);
    assert.deepEqual(
      listed.map(({ name, kind }) => [name, kind]),
      KINDS.map((kind) => [kind, 'legacy']),
    );

    // Two at a time, by processes that know nothing of each other: same private subnet, different public addresses.
    for (let i = 0; i < KINDS.length; i += 2) {
      const booted = await Promise.all(
        KINDS.slice(i, i + 2).map((kind) => host.ask<BootedCluster>(...bootArguments(host, kind, 1, address))),
      );
      assert.equal(new Set(booted.map(({ name }) => name)).size, booted.length);
      for (const cluster of booted) {
        const said = await host.ssh(
          cluster.publicAddress,
          'hostname; dbclient -y compute-0 hostname; cat /tmp/machinefile',
        );
        assert.equal(said, `${cluster.name}\ncompute-0\ncompute-0\n`, 'the computes trust their frontend');
      }
      await Promise.all(booted.map((cluster) => shutDownAndClean(host, cluster)));
    }
    assert.deepEqual(await host.leftovers(), []);
  });
}
