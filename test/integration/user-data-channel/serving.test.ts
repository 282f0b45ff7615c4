/** The second channel, asked by real clients behind real bridges: busybox udhcpc and wget, as old guests have them. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { createUserDataChannel } from '../../../edge-agent/adapters/user-data-channel.ts';
import { makeBridge, plugInGuest } from '../../helpers/bridged-guests.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import {
  askDhcp,
  DEPLOYMENT_IDS,
  fetchUserData,
  makeUserDataCluster,
  partsOf,
  PUBLIC_BRIDGE,
  PUBLIC_SERVER,
  SERVER,
} from '../../helpers/user-data-cluster.ts';

const STRANGER = '02:ab:cd:ef:00:99';
const DHCP_REQUEST = path.join(import.meta.dirname, '../../fixtures/user-data/dhcp-request.ts');
const channel = createUserDataChannel();

if (inNamespaces(import.meta.filename, { timeoutSeconds: 180 })) {
  test('formats §5: a guest asks DHCP, takes the server from the lease, and fetches its /latest/user-data', async (t) => {
    await makeBridge(t, PUBLIC_BRIDGE);
    const { plan, bridge, computeMac, frontendMac, publicMac } = await makeUserDataCluster(t);
    await channel.open(plan);

    const compute = await plugInGuest(t, bridge, computeMac);
    assert.match(
      (await askDhcp(compute)) ?? '',
      /^address=10\.1\.255\.254\/16 server=10\.1\.0\.2 next=10\.1\.0\.2 router=10\.1\.1\.1 hostname=compute-0 dns=none lease=4294967295$/,
    );
    assert.equal(await fetchUserData(compute), '<vc><!-- 01 compute-0 --></vc>\n');

    const frontend = await plugInGuest(t, bridge, frontendMac);
    assert.match((await askDhcp(frontend)) ?? '', /^address=10\.1\.1\.1\/16 .* router=none hostname=vc1 /);
    assert.equal(await fetchUserData(frontend), '<vc><!-- 01 vc1 --></vc>\n');

    const publicly = await plugInGuest(t, PUBLIC_BRIDGE, publicMac);
    const lease = (await askDhcp(publicly)) ?? '';
    assert.match(lease, /^address=192\.0\.2\.10\/24 server=192\.0\.2\.110 .* router=192\.0\.2\.1 hostname=vc1 /);
    assert.equal(await fetchUserData(publicly, PUBLIC_SERVER), '<vc><!-- 01 vc1 --></vc>\n');
  });

  test('who is not of the cluster gets nothing: no lease, no answer, not even under an address of a node', async (t) => {
    await makeBridge(t, PUBLIC_BRIDGE);
    const { plan, computeMac, publicMac } = await makeUserDataCluster(t);
    await channel.open(plan);
    const stranger = await plugInGuest(t, PUBLIC_BRIDGE, STRANGER);
    assert.equal(await askDhcp(stranger), undefined);
    assert.equal(await askDhcp(stranger, '-r', '192.0.2.10'), undefined, 'it asks for an address');
    await stranger.run('ip', 'route', 'add', '255.255.255.255/32', 'dev', 'eth0');
    const comeBack = async (...macAndAddress: string[]) =>
      (await stranger.run(process.execPath, DHCP_REQUEST, ...macAndAddress)).stdout;
    assert.equal(await comeBack(STRANGER, '192.0.2.77'), 'nothing\n', 'not even a refusal');
    assert.equal(await comeBack(publicMac, '192.0.2.10'), 'ACK\n');
    assert.equal(await comeBack(publicMac, '192.0.2.77'), 'NAK\n');
    await stranger.run('ip', 'address', 'add', '192.0.2.77/24', 'dev', 'eth0');
    assert.equal(await fetchUserData(stranger, PUBLIC_SERVER), '');
    await stranger.run('ip', 'address', 'add', '192.0.2.10/24', 'dev', 'eth0');
    await stranger.run('ip', 'address', 'delete', '192.0.2.77/24', 'dev', 'eth0');
    assert.equal(await fetchUserData(stranger, PUBLIC_SERVER), '', "under a node's address");
    const elsewhere = await plugInGuest(t, PUBLIC_BRIDGE, computeMac);
    assert.equal(await askDhcp(elsewhere), undefined, 'a node of the private network is a stranger on the public one');
    assert.notEqual(await askDhcp(await plugInGuest(t, PUBLIC_BRIDGE, publicMac)), undefined, 'it was not just silent');
  });

  test('a node gets its own user data, and nothing else', async (t) => {
    await makeBridge(t, PUBLIC_BRIDGE);
    const { plan, bridge, computeMac } = await makeUserDataCluster(t);
    await channel.open(plan);
    const node = await plugInGuest(t, bridge, computeMac);
    await askDhcp(node);
    const speak = async (request: string): Promise<string> => {
      const script = `exec 3<>/dev/tcp/${SERVER}/80; printf '%b' "$1" >&3; timeout 10 cat <&3`;
      return (await node.run('bash', '-c', script, 'bash', `${request} HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n`)).stdout;
    };
    assert.match(
      await speak('GET /latest/user-data'),
      /^HTTP\/1\.[01] 200 [^]*\r\n\r\n<vc><!-- 01 compute-0 --><\/vc>\n$/,
    );
    assert.match(await speak('HEAD /latest/user-data'), /^HTTP\/1\.[01] 200 [^]*Content-Length: 31\r\n/);
    for (const path of [
      ...['/', '/latest/meta-data/', '/dnsmasq.conf', '/../10.1.1.1/latest/user-data', '/cgi-bin/sh', '//etc/passwd'],
      ...['/%2e%2e/%2e%2e/process.json', '/latest/user-data/../../../answer.sh', `/${'a'.repeat(20_000)}`],
    ]) {
      assert.doesNotMatch(await speak(`GET ${path}`), /^HTTP\/1\.[01] 2/, path);
    }
    assert.match(await speak('POST /latest/user-data'), /^HTTP\/1\.[01] [45]/);
    assert.match(await speak('PUT /latest/other'), /^HTTP\/1\.[01] [45]/);
  });

  test('two clusters with the same addresses at once, and no way from one network to another', async (t) => {
    await makeBridge(t, PUBLIC_BRIDGE);
    const one = await makeUserDataCluster(t);
    const two = await makeUserDataCluster(t, { deploymentId: DEPLOYMENT_IDS[1], mark: '02' });
    // On the public network each has an address of its own.
    const second = { ...two.plan, networks: two.plan.networks.slice(0, 1) };
    await Promise.all([channel.open(one.plan), channel.open(second)]);
    const compute = await plugInGuest(t, one.bridge, one.computeMac);
    const other = await plugInGuest(t, two.bridge, two.computeMac);
    assert.match((await askDhcp(compute)) ?? '', /^address=10\.1\.255\.254\/16 /);
    assert.match((await askDhcp(other)) ?? '', /^address=10\.1\.255\.254\/16 /);
    assert.match(await fetchUserData(other), /02 compute-0/);
    await channel.close(second);
    assert.deepEqual((await partsOf(second)).links, []);
    assert.match(await fetchUserData(compute), /01 compute-0/);

    // The frontend on the public network would answer: nobody carries the question to it.
    const frontend = await plugInGuest(t, PUBLIC_BRIDGE, one.publicMac);
    await askDhcp(frontend);
    await frontend.run('ip', 'route', 'add', '10.1.0.0/16', 'via', PUBLIC_SERVER);
    await compute.run('ip', 'route', 'add', '192.0.2.0/24', 'via', SERVER);
    const canPing = async (address: string) =>
      (await compute.run('busybox', 'ping', '-c', '1', '-W', '2', address)).exitCode === 0;
    assert.ok(await canPing(SERVER));
    assert.ok(!(await canPing('192.0.2.10')));
  });
}
