/** A new document for a node that has one already: checked, put in place, applied. And how the kit gets into a system. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '#shared/host/run-command.ts';
import { makeGuestRoot, readFixture, SHELLS } from '../../helpers/guest-kit-root.ts';

const INSTALLER = fileURLToPath(new URL('../../../guest-kit/install.sh', import.meta.url));
const fingerprintOf = (document: string): string => `${createHash('sha256').update(document).digest('hex')}\n`;

for (const shell of SHELLS) {
  test(`formats §5: a change of the cluster takes effect through the guest kit (${shell})`, async (t) => {
    const root = await makeGuestRoot(t, 'networkd', shell);
    const before = await readFixture('frontend.xml');
    await root.apply(before);
    assert.equal(await root.read('run/edgeboot-guest/fingerprint'), fingerprintOf(before));
    const after = before.replace(/<node name="compute-1".*?<\/node>/s, '').replace('cpus="2"', 'cpus="3"');
    const { exitCode, stderr } = await root.run('update', after);
    assert.equal(exitCode, 0, stderr);
    assert.equal(await root.read('root/vc-out.xml'), after);
    assert.equal(await root.mode('root/vc-out.xml'), 0o600);
    assert.equal(await root.read('run/edgeboot-guest/fingerprint'), fingerprintOf(after));
    assert.equal(await root.read('tmp/machinefile'), 'compute-0\ncompute-0\ncompute-0\n');
    assert.doesNotMatch(await root.read('etc/hosts'), /compute-1/);
  });

  test(`formats §5: a malformed change leaves the document and the node as they are (${shell})`, async (t) => {
    const root = await makeGuestRoot(t, 'networkd', shell);
    await root.apply(await readFixture('frontend.xml'));
    const before = await root.tree({ times: true });
    for (const document of ['', '<vc>', (await readFixture('frontend.xml')).slice(0, 900)]) {
      const { exitCode, stderr } = await root.run('update', document);
      assert.equal(exitCode, 1);
      assert.match(stderr, /a new document was refused: nothing was changed/);
    }
    assert.deepEqual(await root.tree({ times: true }), before);
  });
}

async function install(folder: string): Promise<string> {
  const { exitCode, stderr } = await runCommand('sh', [INSTALLER, '--root', folder]);
  assert.equal(exitCode, 0, stderr);
  return stderr;
}

test('the kit installs itself into a system with systemd, twice the same', async (t) => {
  const root = await makeGuestRoot(t, 'networkd', 'dash');
  await mkdir(join(root.path, 'usr/lib/systemd/system'), { recursive: true });
  await install(root.path);
  const tree = await root.tree();
  for (const unit of ['edgeboot-guest.service', 'edgeboot-guest-ready.service']) {
    assert.equal(tree[`etc/systemd/system/multi-user.target.wants/${unit}`], `-> ../${unit}`);
    assert.ok(tree[`etc/systemd/system/${unit}`]?.startsWith('644 '));
  }
  assert.ok(tree['usr/sbin/edgeboot-guest']?.startsWith('755 '));
  await install(root.path);
  assert.deepEqual(await root.tree(), tree);
});

test('the kit installs itself into a busybox system behind what that does first, twice the same', async (t) => {
  const root = await makeGuestRoot(t, 'direct', 'busybox');
  await root.write('etc/inittab', '::sysinit:/etc/rc\n');
  await install(root.path);
  await install(root.path);
  assert.equal(
    await root.read('etc/inittab'),
    '::sysinit:/etc/rc\n::sysinit:/usr/sbin/edgeboot-guest apply\n::respawn:/usr/sbin/edgeboot-guest serve\n',
  );
});

test('the kit says what to call in a system whose init it does not know, and refuses a folder that is not there', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeboot-guest-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  assert.match(await install(folder), /call "edgeboot-guest apply" before the network is started/);
  assert.ok((await stat(join(folder, 'usr/lib/edgeboot-guest/plan.awk'))).isFile());
  assert.deepEqual(await readdir(folder), ['usr']);
  const { exitCode } = await runCommand('sh', [INSTALLER, '--root', join(folder, 'nowhere')]);
  assert.equal(exitCode, 66);
});
