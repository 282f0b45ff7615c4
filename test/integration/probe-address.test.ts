/** Addresses that somebody else uses, found by ARP on a real bridge with real kernels behind it. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { openArpSocket } from '../../edge-agent/adapters/arp-socket.ts';
import { probeAddress } from '../../edge-agent/adapters/probe-address.ts';
import { buildArpRequest } from '../../edge-agent/core/arp.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { startNetworkHost } from '../helpers/network-host.ts';

const BRIDGE = 'br-site';
const WITHIN_SECONDS = 3;

const ip = (...args: string[]): Promise<string> => runCommandOrThrow('ip', args);

async function makeBridge(t: TestContext): Promise<void> {
  await ip('link', 'add', BRIDGE, 'type', 'bridge');
  t.after(() => ip('link', 'delete', BRIDGE));
  await ip('link', 'set', BRIDGE, 'up');
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 60 })) {
  test('formats §4: a public address that somebody uses is found in time, one that is free is not', async (t) => {
    await makeBridge(t);
    await startNetworkHost(t, { link: 'neighbor', bridge: BRIDGE, address: '192.0.2.10/24' });
    const start = performance.now();
    assert.equal(await probeAddress(BRIDGE, '192.0.2.10'), true);
    assert.equal(await probeAddress(BRIDGE, '192.0.2.11'), false);
    assert.ok(performance.now() - start < WITHIN_SECONDS * 1000);
  });

  test('nobody remembers who asked', async (t) => {
    await makeBridge(t);
    const neighbor = await startNetworkHost(t, { link: 'neighbor', bridge: BRIDGE, address: '192.0.2.10/24' });
    await probeAddress(BRIDGE, '192.0.2.10');
    assert.equal(await neighbor.run('ip', 'neighbour'), '');
  });

  test('an address of this host is in use; one on a bridge that is not there is not', async (t) => {
    await makeBridge(t);
    await ip('address', 'add', '192.0.2.1/24', 'dev', BRIDGE);
    assert.equal(await probeAddress(BRIDGE, '192.0.2.1'), true);
    assert.equal(await probeAddress('br-none', '192.0.2.2'), false);
  });

  test('whoever examines the address at the same time has it', async (t) => {
    await makeBridge(t);
    await ip('link', 'add', 'rival', 'type', 'veth', 'peer', 'name', 'rival-port');
    t.after(() => ip('link', 'delete', 'rival'));
    await ip('link', 'set', 'rival-port', 'master', BRIDGE, 'up');
    await ip('link', 'set', 'rival', 'up');
    const rival = openArpSocket('rival');
    assert.ok(rival !== undefined);
    t.after(() => rival.close());
    const examine = (address: string): void =>
      rival.broadcast(buildArpRequest({ macAddress: rival.macAddress, address: '0.0.0.0' }, address));
    // Again and again, as RFC 5227 has it: a port of the bridge that is new may lose the first ones.
    const examining = setInterval(() => ['192.0.2.11', '192.0.2.10'].forEach(examine), 50);
    t.after(() => clearInterval(examining));
    assert.equal(await probeAddress(BRIDGE, '192.0.2.10'), true);
  });
}
