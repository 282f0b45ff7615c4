/** Computes that know nothing of us, heard by their ARP: a real bridge, and real kernels behind veth pairs in namespaces of their own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { hasCode } from '#shared/errors.ts';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { createGuestSignals } from '../../edge-agent/adapters/guest-signals.ts';
import { bridgeName } from '../../edge-agent/core/libvirt-names.ts';
import type { AwaitedNode } from '../../edge-agent/ports.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const DEPLOYMENT_ID = '01JDABCDEFGHJKMNPQRSTVWXYZ';
const MAC_ADDRESS = '02:ab:cd:ef:00:09';
const ADDRESS = '10.1.255.254';
const INQUIRY_ADDRESS = '10.1.0.1';
const NEVER = new AbortController().signal;

interface Guest {
  /** Runs a program in the guest. */
  readonly run: (...command: string[]) => Promise<string>;
  readonly node: AwaitedNode;
}

const ip = (...args: string[]): Promise<string> => runCommandOrThrow('ip', args);

async function makeBridge(t: TestContext): Promise<string> {
  const bridge = bridgeName(DEPLOYMENT_ID);
  await ip('link', 'add', bridge, 'type', 'bridge');
  t.after(() => ip('link', 'delete', bridge));
  await ip('link', 'set', bridge, 'up');
  return bridge;
}

/** A network namespace whose eth0 is plugged into the bridge. It says nothing by itself: no IPv6, no announcement. */
async function plugIn(t: TestContext, bridge: string, folder: string): Promise<Guest> {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo ready; exec cat'], { stdio: 'pipe' });
  t.after(async () => {
    // The kernel would clear it away with the namespace, but some time later.
    await runCommand('ip', ['link', 'delete', 'guest']);
    child.stdin.end();
    await once(child, 'close');
  });
  await once(child.stdout, 'data');
  const pid = `${child.pid ?? ''}`;
  const guestSide = ['peer', 'name', 'eth0', 'netns', pid, 'address', MAC_ADDRESS];
  await ip('link', 'add', 'guest', 'type', 'veth', ...guestSide);
  await ip('link', 'set', 'guest', 'master', bridge, 'up');
  const run = (...command: string[]) => runCommandOrThrow('nsenter', ['--net', '--target', pid, ...command]);
  await run('ip', 'link', 'set', 'eth0', 'up');
  const privateLink = {
    deploymentId: DEPLOYMENT_ID,
    macAddress: MAC_ADDRESS,
    address: ADDRESS,
    inquiryAddress: INQUIRY_ADDRESS,
  };
  const sockets = { readySocket: join(folder, 'ready'), consoleSocket: join(folder, 'console') };
  return { run, node: { name: 'compute-0', ...sockets, publicAddress: undefined, privateLink } };
}

const isTimeout = (error: unknown): boolean => hasCode(error, 'BOOT_TIMEOUT');

if (inNamespaces(import.meta.filename, { timeoutSeconds: 120 })) {
  test('a compute that says nothing by itself is found once it has its address, and not before', async (t) => {
    await using folder = await createTemporaryFolder();
    const signals = createGuestSignals({ kitGraceSeconds: 0 });
    const { node, run } = await plugIn(t, await makeBridge(t), folder.path);
    await assert.rejects(signals.awaitReady(node, 1, NEVER), isTimeout);
    await run('ip', 'address', 'add', '10.1.255.253/16', 'dev', 'eth0');
    await assert.rejects(signals.awaitReady(node, 1, NEVER), isTimeout, 'another address');
    const waiting = signals.awaitReady(node, 30, NEVER);
    await run('ip', 'address', 'add', `${ADDRESS}/16`, 'dev', 'eth0');
    assert.equal(await waiting, 'arp');
    const stranger = {
      ...node,
      privateLink: {
        deploymentId: DEPLOYMENT_ID,
        macAddress: '02:00:00:00:00:01',
        address: ADDRESS,
        inquiryAddress: INQUIRY_ADDRESS,
      },
    };
    await assert.rejects(signals.awaitReady(stranger, 1, NEVER), isTimeout, 'another MAC address');
  });

  test('a compute that answers nobody is heard when it looks for its gateway; the bridge may come late', async (t) => {
    await using folder = await createTemporaryFolder();
    const signals = createGuestSignals({ kitGraceSeconds: 0 });
    const bridge = await makeBridge(t);
    const { node, run } = await plugIn(t, bridge, folder.path);
    // arp_ignore 8: no answer for any local address.
    await run('sysctl', '--write', 'net.ipv4.conf.all.arp_ignore=8');
    await run('ip', 'address', 'add', `${ADDRESS}/16`, 'dev', 'eth0');
    await ip('link', 'set', bridge, 'name', 'elsewhere');
    const stop = new AbortController();
    t.after(() => {
      stop.abort();
    });
    const waiting = signals.awaitReady(node, 30, NEVER);
    await ip('link', 'set', 'elsewhere', 'name', bridge);
    // A datagram is enough for its kernel to ask for the gateway's MAC address, three times in three seconds.
    const asking = (async () => {
      while (!stop.signal.aborted) {
        await run('bash', '-c', 'echo >/dev/udp/10.1.1.1/9');
        await delay(500);
      }
    })();
    assert.equal(await waiting, 'arp');
    stop.abort();
    await asking;
  });

  test('where there is the guest kit, its READY is waited for', async (t) => {
    await using folder = await createTemporaryFolder();
    const { node, run } = await plugIn(t, await makeBridge(t), folder.path);
    await run('ip', 'address', 'add', `${ADDRESS}/16`, 'dev', 'eth0');
    const heard = Promise.withResolvers<undefined>();
    const kit = createServer((socket) => {
      void heard.promise.then(() => {
        socket.end('READY compute-0\n');
      });
    });
    kit.listen(node.readySocket);
    await once(kit, 'listening');
    t.after(() => kit.close());
    const waiting = createGuestSignals({ kitGraceSeconds: 60 }).awaitReady(node, 60, NEVER);
    await neighborKnown(run);
    heard.resolve(undefined);
    assert.equal(await waiting, 'guest-kit');
    // A sign that came in time counts, even when time is up before the kit's.
    const signals = createGuestSignals({ kitGraceSeconds: 60 });
    assert.equal(await signals.awaitReady({ ...node, readySocket: join(folder.path, 'none') }, 1, NEVER), 'arp');
  });

  test('a frontend that says READY is waited for until it is reached from here, but not for ever', async (t) => {
    await using folder = await createTemporaryFolder();
    const bridge = await makeBridge(t);
    await ip('address', 'add', '10.1.9.9/16', 'dev', bridge);
    const { node, run } = await plugIn(t, bridge, folder.path);
    const kit = createServer((socket) => {
      socket.end('READY frontend\n');
    }).listen(node.readySocket);
    await once(kit, 'listening');
    t.after(() => kit.close());
    const frontend = { ...node, publicAddress: ADDRESS, privateLink: undefined };
    assert.equal(await createGuestSignals({ reachGraceSeconds: 1 }).awaitReady(frontend, 60, NEVER), 'guest-kit');
    let isThere = false;
    const waiting = createGuestSignals({ reachGraceSeconds: 60 })
      .awaitReady(frontend, 60, NEVER)
      .then((sign) => assert.deepEqual([sign, isThere], ['guest-kit', true]));
    // This kernel has asked in vain.
    while (!(await ip('neighbour', 'show', 'to', ADDRESS)).includes('FAILED')) await delay(50);
    isThere = true;
    await run('ip', 'address', 'add', `${ADDRESS}/16`, 'dev', 'eth0');
    await waiting;
  });

  /** The guest has been asked, and so has answered, once its kernel knows who asked. */
  async function neighborKnown(run: Guest['run']): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!/10\.1\.0\.1/.test(await run('ip', 'neighbour'))) assert.ok(Date.now() < deadline, 'nobody asked');
  }

  test('without the right to listen it says what is missing', async (t) => {
    await using folder = await createTemporaryFolder();
    await makeBridge(t);
    const module = new URL('../../edge-agent/adapters/arp-socket.ts', import.meta.url).href;
    const program = `const { openArpSocket } = await import(${JSON.stringify(module)});
      try { openArpSocket(${JSON.stringify(bridgeName(DEPLOYMENT_ID))}); } catch (error) { console.log(error.code); }`;
    const { stdout } = await runCommand(
      'setpriv',
      [
        '--bounding-set=-net_raw',
        '--inh-caps=-net_raw',
        '--',
        process.execPath,
        '--input-type=module',
        '--eval',
        program,
      ],
      { workingDirectory: folder.path },
    );
    assert.equal(stdout, 'PREREQUISITE_MISSING\n');
  });
}
