/** The sample guest's script, run here over documents of both dialects. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommandOrThrow } from '#shared/host/run-command.ts';

const fileOf = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const GUEST = 'local/sample-image/guest';
const WRITTEN = ['etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'tmp/machinefile', 'root/.ssh/authorized_keys'];

async function apply(t: TestContext, fixture: string, times = 1): Promise<Record<string, string>> {
  const root = await mkdtemp(join(tmpdir(), 'edgeboot-guest-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (let i = 0; i < times; i += 1) {
    await runCommandOrThrow('sh', [fileOf(`${GUEST}/apply-vc-out.sh`), fileOf(`test/fixtures/vc-out/${fixture}`)], {
      environment: { ...process.env, ROOT: root, FLATTEN: fileOf(`${GUEST}/flatten-xml.awk`) },
    });
  }
  assert.equal((await stat(join(root, 'root/.ssh/authorized_keys'))).mode & 0o777, 0o600);
  const entries = WRITTEN.map(async (path): Promise<[string, string]> => [
    path,
    await readFile(join(root, path), 'utf8'),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

const FRONTEND = {
  'etc/hostname': 'vc1\n',
  'etc/hosts': [
    '127.0.0.1 localhost',
    '10.1.1.1 vc1',
    '192.0.2.10 vc1.example.org',
    '10.1.255.254 compute-0',
    '10.1.255.253 compute-1',
    '',
  ].join('\n'),
  'etc/resolv.conf': 'search local example.org\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n',
  'tmp/machinefile': 'compute-0\ncompute-0\ncompute-1\n',
  'root/.ssh/authorized_keys': [
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFirstKey first@example.org',
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISecondKey second & more',
    '',
  ].join('\n'),
};

for (const fixture of ['frontend.xml', 'frontend-older-dialect.xml', 'frontend-newer-dialect.xml']) {
  test(`a frontend reads ${fixture}`, async (t) => assert.deepEqual(await apply(t, fixture), FRONTEND));
}

test('a second boot adds no key again', async (t) => assert.deepEqual(await apply(t, 'frontend.xml', 2), FRONTEND));

test('a compute reads its own document', async (t) => {
  assert.deepEqual(await apply(t, 'compute.xml'), {
    'etc/hostname': 'compute-0\n',
    'etc/hosts': '127.0.0.1 localhost\n10.1.1.1 vc1 vc1.example.org\n10.1.255.254 compute-0\n',
    'etc/resolv.conf': 'search local \nnameserver 192.0.2.53\n',
    'tmp/machinefile': '',
    'root/.ssh/authorized_keys': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFirstKey first@example.org\n',
  });
});
