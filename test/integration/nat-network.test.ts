/** The way out of a site without public addresses: real bridges and rules, a guest and an outside in namespaces of their own. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { ensureNatNetwork, removeNatNetwork } from '../../edge-agent/adapters/nat-network.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { startNetworkHost, type NetworkHost } from '../helpers/network-host.ts';

const NETWORK = { bridge: 'eb-nat', gatewayAddress: '192.0.2.1', netmask: '255.255.255.0' };
const GUEST_ADDRESS = '192.0.2.10';
const HOST_ADDRESS = '198.51.100.1';
const OUTSIDE_ADDRESS = '198.51.100.2';
const PORT = 8022;

const ip = (...args: string[]): Promise<string> => runCommandOrThrow('ip', args);
const listRules = async (): Promise<string> =>
  (await runCommandOrThrow('nft', ['list', 'table', 'ip', `edgeboot-${NETWORK.bridge}`])) +
  (await runCommandOrThrow('iptables', ['--list-rules', 'FORWARD']));

async function makeNetwork(t: TestContext): Promise<void> {
  t.after(() => removeNatNetwork(NETWORK.bridge));
  await ensureNatNetwork(NETWORK);
}

async function makeOutside(t: TestContext): Promise<NetworkHost> {
  const outside = await startNetworkHost(t, { link: 'wan', address: `${OUTSIDE_ADDRESS}/24` });
  await ip('address', 'add', `${HOST_ADDRESS}/24`, 'dev', 'wan');
  return outside;
}

const makeGuest = (t: TestContext): Promise<NetworkHost> =>
  startNetworkHost(t, {
    ...{ link: 'guest', bridge: NETWORK.bridge, address: `${GUEST_ADDRESS}/24` },
    gateway: NETWORK.gatewayAddress,
  });

if (inNamespaces(import.meta.filename, { timeoutSeconds: 120 })) {
  test('formats §6: a guest behind NAT reaches out in the name of the host, which reaches the guest', async (t) => {
    await makeNetwork(t);
    const [outside, guest] = [await makeOutside(t), await makeGuest(t)];
    const server = await outside.serve(PORT);
    assert.ok(await guest.connect(OUTSIDE_ADDRESS, PORT));
    assert.equal(await server.connectedFrom, HOST_ADDRESS);

    const inGuest = await guest.serve(PORT);
    const socket = connect(PORT, GUEST_ADDRESS);
    await once(socket, 'connect');
    socket.destroy();
    assert.equal(await inGuest.connectedFrom, NETWORK.gatewayAddress);
  });

  test('it works where the host drops what it does not know', async (t) => {
    await runCommandOrThrow('iptables', ['--policy', 'FORWARD', 'DROP']);
    t.after(() => runCommandOrThrow('iptables', ['--policy', 'FORWARD', 'ACCEPT']));
    await makeNetwork(t);
    const [outside, guest] = [await makeOutside(t), await makeGuest(t)];
    const server = await outside.serve(PORT);
    assert.ok(await guest.connect(OUTSIDE_ADDRESS, PORT));
    assert.equal(await server.connectedFrom, HOST_ADDRESS);
  });

  test('nobody outside speaks to a guest first, and no guest in the name of others', async (t) => {
    await makeNetwork(t);
    const [outside, guest] = [await makeOutside(t), await makeGuest(t)];
    await outside.run('ip', 'route', 'add', '192.0.2.0/24', 'via', HOST_ADDRESS);
    await guest.serve(PORT);
    assert.equal(await outside.connect(GUEST_ADDRESS, PORT), false);

    await guest.run('ip', 'address', 'add', '203.0.113.5/32', 'dev', 'eth0');
    await ip('route', 'add', '203.0.113.5/32', 'dev', NETWORK.bridge);
    await outside.run('ip', 'route', 'add', '203.0.113.5/32', 'via', HOST_ADDRESS);
    await outside.serve(PORT);
    assert.equal(await guest.connect(OUTSIDE_ADDRESS, PORT, '203.0.113.5'), false);
    assert.equal(await guest.connect(OUTSIDE_ADDRESS, PORT, GUEST_ADDRESS), true);
  });

  test('made twice is made once; after a restart of the host it is made again; removed, nothing is left', async () => {
    await ensureNatNetwork(NETWORK);
    const addressesOf = async (): Promise<string[]> =>
      (await ip('-brief', 'address', 'show', 'dev', NETWORK.bridge)).trim().split(/\s+/).slice(2);
    assert.deepEqual(await addressesOf(), ['192.0.2.1/24'], 'and none of IPv6');
    const rules = await listRules();
    await ensureNatNetwork(NETWORK);
    assert.equal(await listRules(), rules);
    assert.deepEqual(await addressesOf(), ['192.0.2.1/24']);
    await ip('link', 'delete', NETWORK.bridge);
    await runCommandOrThrow('nft', ['flush', 'ruleset']);
    await ensureNatNetwork(NETWORK);
    assert.equal(await listRules(), rules);

    await removeNatNetwork(NETWORK.bridge);
    await removeNatNetwork(NETWORK.bridge);
    assert.doesNotMatch(await ip('link'), /eb-nat/);
    assert.doesNotMatch(await runCommandOrThrow('nft', ['list', 'ruleset']), /eb-nat/);
  });

  test('several who make it at once make one, and several who remove it leave nothing', async (t) => {
    t.after(() => removeNatNetwork(NETWORK.bridge));
    const atOnce = async (work: () => Promise<void>): Promise<void> => {
      await Promise.all(Array.from({ length: 4 }, work));
    };
    await atOnce(() => ensureNatNetwork(NETWORK));
    const rules = await listRules();
    await ensureNatNetwork(NETWORK);
    assert.equal(await listRules(), rules);
    await atOnce(() => removeNatNetwork(NETWORK.bridge));
    assert.doesNotMatch(await ip('link'), /eb-nat/);
    assert.doesNotMatch(await runCommandOrThrow('nft', ['list', 'ruleset']), /eb-nat/);
  });

  test("what is somebody else's is refused and left alone: a bridge of that name, a subnet", async (t) => {
    const isRefused = (error: unknown): boolean => hasCode(error, 'INVALID_CONFIG');
    await ip('link', 'add', NETWORK.bridge, 'type', 'bridge');
    await assert.rejects(ensureNatNetwork(NETWORK), isRefused);
    await removeNatNetwork(NETWORK.bridge);
    assert.match(await ip('link', 'show', NETWORK.bridge), /eb-nat/);
    assert.notEqual((await runCommand('nft', ['list', 'table', 'ip', 'edgeboot-eb-nat'])).exitCode, 0);
    await ip('link', 'delete', NETWORK.bridge);

    await makeOutside(t);
    await assert.rejects(ensureNatNetwork({ ...NETWORK, gatewayAddress: '198.51.100.129' }), isRefused);
    await assert.rejects(ensureNatNetwork({ ...NETWORK, netmask: '255.0.255.0' }), isRefused);
    assert.doesNotMatch(await ip('link'), /eb-nat/);
  });
}
