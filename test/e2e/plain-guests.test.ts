/** Real guests without the kit: one as the original's were, with a document in its disk and without; and a Debian with cloud-init. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { applianceOptions } from '../helpers/appliance.ts';
import { readFixture } from '../helpers/guest-kit-root.ts';
import { inNamespaces } from '../helpers/in-namespaces.ts';
import { type LoneGuest, natNetwork, startLoneGuest } from '../helpers/lone-guest.ts';
import { buildGuest, type BuiltGuest, type GuestKind } from '../guests/build-guest.ts';

const CACHE = fileURLToPath(new URL('../../build', import.meta.url));
const WITHIN_SECONDS = 400;
const LIMIT = { timeout: 900_000 };
/** In namespaces of our own every port is free. */
const SSH_PORT = 2222;
const MAC = { private: '52:54:00:00:00:01', public: '52:54:00:00:00:02', compute: '52:54:00:00:00:03' };

const buildInCache = async (t: TestContext, kind: GuestKind, directory: string): Promise<BuiltGuest> =>
  buildGuest(kind, { directory, cacheDirectory: CACHE, log: (line) => t.diagnostic(line) });

/** Outside, where there is a network. */
async function prepare(t: TestContext): Promise<void> {
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  try {
    for (const kind of ['legacy', 'debian-cloud-init'] as const) await buildInCache(t, kind, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function workFolder(t: TestContext): Promise<string> {
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Resolves with the first line of what answers on port 22 of the guest. */
async function sshBanner(signal: AbortSignal): Promise<string> {
  for (;;) {
    const socket = connect(SSH_PORT, '127.0.0.1');
    try {
      const [first] = (await once(socket, 'data', {
        signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]),
      })) as [Buffer];
      return first.toString('latin1');
    } catch {
      signal.throwIfAborted();
      await delay(500, undefined, { signal });
    } finally {
      socket.destroy();
    }
  }
}

async function ssh(keyFile: string, user: string, command: string): Promise<string> {
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes'];
  const args = ['-p', `${SSH_PORT}`, '-i', keyFile, ...options.flatMap((option) => ['-o', option])];
  const { exitCode, stdout, stderr } = await runCommand('ssh', [...args, `${user}@127.0.0.1`, command], {
    timeoutSeconds: 120,
  });
  assert.equal(exitCode, 0, stdout + stderr);
  return stdout.trim();
}

async function makeKey(directory: string): Promise<{ file: string; publicKey: string }> {
  const file = join(directory, 'id');
  await runCommandOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'member', '-f', file]);
  return { file, publicKey: (await readFile(`${file}.pub`, 'utf8')).trim() };
}

if (inNamespaces(import.meta.filename, { timeoutSeconds: 1500, prepare })) {
  const legacyNetworks = [
    { macAddress: MAC.private, netdev: natNetwork('10.1.0.0/16', '10.1.0.1') },
    {
      macAddress: MAC.public,
      netdev: natNetwork('192.0.2.0/24', '192.0.2.1', { port: SSH_PORT, address: '192.0.2.10' }),
    },
  ];
  const overlayOf = async (directory: string, disk: string, content?: string): Promise<string> => {
    const disks = createQemuNodeDisks(applianceOptions(directory));
    await mkdir(join(directory, 'node'), { recursive: true });
    const overlay = join(directory, 'node', 'node.qcow2');
    const never = new AbortController().signal;
    await disks.createOverlay(disk, overlay, never);
    if (content !== undefined)
      await disks.personalize(overlay, [{ path: '/root/vc-out.xml', content, mode: 0o600 }], never);
    return overlay;
  };
  const bannerOf = async (t: TestContext, guest: LoneGuest, startedAt: number): Promise<void> => {
    const banner = await sshBanner(AbortSignal.timeout(WITHIN_SECONDS * 1000)).catch((cause: unknown) => {
      throw new Error(`no SSH banner; the console:\n${guest.console().slice(-6000)}`, { cause });
    });
    assert.match(banner, /^SSH-2\.0-/);
    t.diagnostic(`SSH banner after ${Math.round((Date.now() - startedAt) / 1000)} s`);
  };

  test('formats §5: a guest of the original reads the document in its disk once, and renames it', LIMIT, async (t) => {
    const directory = await workFolder(t);
    const { frontendDisk } = await buildInCache(t, 'legacy', directory);
    const key = await makeKey(directory);
    // Two keys in one element: it reads the first element, whole.
    const document = (await readFixture('frontend.xml')).replace('<key>', `<key>${key.publicKey}\n`);
    const disk = await overlayOf(directory, frontendDisk, document);
    const startedAt = Date.now();
    const guest = await startLoneGuest(t, { name: 'l0', directory, disk, memoryMiB: 128, networks: legacyNetworks });
    await bannerOf(t, guest, startedAt);
    assert.equal(await ssh(key.file, 'root', 'hostname'), 'vc1');
    assert.equal(await ssh(key.file, 'root', 'ls /root | tr "\\n" " "'), 'network.sh vc-out.xml.old');
    assert.equal(await ssh(key.file, 'root', 'cat /tmp/machinefile'), 'compute-0\ncompute-0\ncompute-1');
    assert.equal(await ssh(key.file, 'root', 'grep -c . /root/.ssh/authorized_keys'), '3');
    assert.match(await ssh(key.file, 'root', 'ip route'), /^default via 192\.0\.2\.1 dev eth1/m);
    assert.doesNotMatch(guest.console(), /no interface for/);
  });

  test('formats §5: a guest of the original without a document asks the DHCP server for one', LIMIT, async (t) => {
    const directory = await workFolder(t);
    const { computeDisk } = await buildInCache(t, 'legacy', directory);
    const document = await readFixture('compute.xml');
    const asked: (string | undefined)[] = [];
    // What the guest sends to the network's own host arrives at this host's loopback.
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.end(document);
    });
    server.listen(80, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const disk = await overlayOf(directory, computeDisk);
    const networks = [{ macAddress: MAC.compute, netdev: natNetwork('10.1.0.0/16', '10.1.1.1') }];
    const guest = await startLoneGuest(t, { name: 'l1', directory, disk, memoryMiB: 128, networks });
    await guest.awaitConsole(/vc: compute-0 is configured/, WITHIN_SECONDS);
    assert.deepEqual(asked, ['/latest/user-data']);
    assert.match(guest.console(), /vc: asking 10\.1\.1\.1/);
  });

  test('a Debian with cloud-init comes up from a seed', LIMIT, async (t) => {
    const directory = await workFolder(t);
    const { frontendDisk } = await buildInCache(t, 'debian-cloud-init', directory);
    const key = await makeKey(directory);
    const seedFile = join(directory, 'seed.img');
    const seed = {
      metaData: 'instance-id: one\nlocal-hostname: vc1\n',
      userData: `#cloud-config\nusers:\n  - name: member\n    ssh_authorized_keys: ['${key.publicKey}']\n`,
      networkConfig: [
        'version: 2',
        'ethernets:',
        `  public: {match: {macaddress: "${MAC.public}"}, addresses: [192.0.2.10/24], gateway4: 192.0.2.1}`,
        '',
      ].join('\n'),
    };
    await createQemuNodeDisks(applianceOptions(directory)).createSeed(seedFile, seed, t.signal);
    const disk = await overlayOf(directory, frontendDisk);
    const startedAt = Date.now();
    const options = { name: 'ci', directory, disk, seedFile, memoryMiB: 512, networks: legacyNetworks };
    const guest = await startLoneGuest(t, options);
    await bannerOf(t, guest, startedAt);
    await guest.awaitConsole(/vc1 login:/, WITHIN_SECONDS);
    assert.equal(await ssh(key.file, 'member', 'hostname'), 'vc1');
  });
}
