/** Real guests with the guest kit: a Debian cluster on ext4 (ifupdown) and one on xfs (systemd-networkd). Booted, told of a change, computing. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand, runCommandOrThrow } from '#shared/host/run-command.ts';
import { createQemuNodeDisks } from '../../edge-agent/adapters/qemu-node-disks.ts';
import { freePort } from '../../local/free-port.ts';
import { buildGuest, type GuestKind } from '../guests/build-guest.ts';
import { applianceOptions } from '../helpers/appliance.ts';
import { readFixture } from '../helpers/guest-kit-root.ts';
import { type LoneGuest, natNetwork, startLoneGuest } from '../helpers/lone-guest.ts';

const CACHE = fileURLToPath(new URL('../../build', import.meta.url));
const READY_WITHIN_SECONDS = 400;
const ANSWER_WITHIN_SECONDS = 120;
const MEMORY_MIB = 512;
const LIMIT = { timeout: 1_800_000 };

const readyLine = (document: string): RegExp =>
  new RegExp(`^READY ${createHash('sha256').update(document).digest('hex')}$`);

interface Cluster {
  readonly frontend: LoneGuest;
  readonly compute: LoneGuest;
  readonly documents: { readonly frontend: string; readonly compute: string };
  /** Answers what the command said on the frontend. */
  readonly onFrontend: (command: string) => Promise<string>;
}

async function startCluster(t: TestContext, kind: GuestKind): Promise<Cluster> {
  // Not below /tmp, which may be a small memory file system; short, since sockets go below it.
  const directory = await mkdtemp('/var/tmp/edgeboot-');
  t.after(() => rm(directory, { recursive: true, force: true }));
  const image = await buildGuest(kind, { directory, cacheDirectory: CACHE, log: (line) => t.diagnostic(line) });
  const makeKey = async (name: string): Promise<{ file: string; public: string }> => {
    const file = join(directory, name);
    await runCommandOrThrow('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
    return { file, public: (await readFile(`${file}.pub`, 'utf8')).trim() };
  };
  const [member, cluster] = [await makeKey('member'), await makeKey('cluster')];
  const document = async (fixture: string, keys: readonly string[]): Promise<string> =>
    (await readFixture(fixture)).replace(/<key>.*<\/key>/s, `<key>${keys.join('\n')}</key>`);
  const documents = {
    // The other compute of the fixture is not started here.
    frontend: (await document('frontend.xml', [member.public])).replace(/<node name="compute-1".*?<\/node>/s, ''),
    compute: await document('compute.xml', [member.public, cluster.public]),
  };
  const disks = createQemuNodeDisks(applianceOptions(directory));
  const personalize = async (name: string, baseFile: string, content: string, keyFile?: string): Promise<string> => {
    await mkdir(join(directory, name));
    const overlay = join(directory, name, 'node.qcow2');
    await disks.createOverlay(baseFile, overlay, t.signal);
    const files = [{ path: '/root/vc-out.xml', content, mode: 0o600 }];
    const key = keyFile === undefined ? undefined : await readFile(keyFile, 'utf8');
    if (key !== undefined) files.push({ path: '/root/.edgeboot-cluster-key', content: key, mode: 0o600 });
    await disks.personalize(overlay, files, t.signal);
    return overlay;
  };
  const frontendDisk = await personalize('f', image.frontendDisk, documents.frontend, cluster.file);
  const computeDisk = await personalize('c', image.computeDisk, documents.compute);

  const port = await freePort();
  const wire = `addr.type=unix,addr.path=${join(directory, 'wire')}`;
  const publicNetwork = natNetwork('192.0.2.0/24', '192.0.2.1', { port, address: '192.0.2.10' });
  const common = { directory, memoryMiB: MEMORY_MIB };
  const frontend = await startLoneGuest(t, {
    ...common,
    name: 'f0',
    disk: frontendDisk,
    networks: [
      { macAddress: '52:54:00:00:00:01', netdev: `stream,server=on,${wire}` },
      { macAddress: '52:54:00:00:00:02', netdev: publicNetwork },
    ],
  });
  const compute = await startLoneGuest(t, {
    ...common,
    name: 'c0',
    disk: computeDisk,
    networks: [{ macAddress: '52:54:00:00:00:03', netdev: `stream,server=off,${wire}` }],
  });
  const onFrontend = async (command: string): Promise<string> => {
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes'];
    const args = ['-p', `${port}`, '-i', member.file, ...options.flatMap((option) => ['-o', option])];
    const { exitCode, stdout, stderr } = await runCommand('ssh', [...args, 'root@127.0.0.1', command], {
      timeoutSeconds: ANSWER_WITHIN_SECONDS,
    });
    assert.equal(exitCode, 0, `${command}: ${stdout}${stderr}`);
    return stdout.trim();
  };
  return { frontend, compute, documents, onFrontend };
}

for (const kind of ['debian-kit-ext4', 'debian-kit-xfs'] as const) {
  test(`formats §5: a real Debian with the guest kit becomes a cluster (${kind})`, LIMIT, async (t) => {
    const { frontend, compute, documents, onFrontend } = await startCluster(t, kind);
    const startedAt = Date.now();
    const seconds = (): number => Math.round((Date.now() - startedAt) / 1000);
    const ready = async (node: LoneGuest, name: 'frontend' | 'compute'): Promise<void> => {
      await node.awaitLine(readyLine(documents[name]), READY_WITHIN_SECONDS);
      t.diagnostic(`${name} READY after ${seconds()} s`);
    };
    await Promise.all([ready(frontend, 'frontend'), ready(compute, 'compute')]);

    assert.equal(await onFrontend('hostname; hostname -f'), 'vc1\nvc1.example.org');
    assert.match(await onFrontend('ip route'), /^default via 192\.0\.2\.1 /m);
    assert.match(await onFrontend('ip -o -4 address'), /inet 10\.1\.1\.1\/16 .*inet 192\.0\.2\.10\/24 /s);
    assert.equal(await onFrontend('cat /tmp/machinefile'), 'compute-0\ncompute-0');
    assert.match(await onFrontend('cat /etc/resolv.conf'), /^nameserver 192\.0\.2\.53$/m);
    assert.equal(await onFrontend('systemctl --failed --no-legend'), '');
    assert.equal(await onFrontend('ssh compute-0 hostname'), 'compute-0');
    assert.match(await onFrontend('ssh 10.1.255.254 ip route'), /^default via 10\.1\.1\.1 /m);

    // A real MPI program: messages between two nodes.
    const started = Date.now();
    const pingPong = 'cd /tmp && printf "vc1\\ncompute-0\\n" > nodes && mpirun -f nodes -n 2 NPmpich2 -u 64 2>&1';
    assert.match(await onFrontend(pingPong), /^ *\d+: +64 bytes .* Mbps/m);
    t.diagnostic(`MPI ping-pong took ${Math.round((Date.now() - started) / 1000)} s`);

    const changed = documents.frontend.replace('cpus="2"', 'cpus="1"');
    const answered = frontend.awaitLine(readyLine(changed), ANSWER_WITHIN_SECONDS);
    frontend.say('VC-OUT PHZjPg==');
    frontend.say(`VC-OUT ${Buffer.from(changed).toString('base64')}`);
    await answered;
    assert.equal(await onFrontend('cat /tmp/machinefile'), 'compute-0');
    assert.match(frontend.console(), /a new document was refused: nothing was changed/);
  });
}
