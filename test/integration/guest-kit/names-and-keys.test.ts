/** What the guest kit makes of documents of both dialects, but for the interfaces: host name, hosts, resolv.conf, machinefile, keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGuestRoot, readFixture, SHELLS } from '../../helpers/guest-kit-root.ts';

const WRITTEN = ['etc/hostname', 'etc/hosts', 'etc/resolv.conf', 'tmp/machinefile', 'root/.ssh/authorized_keys'];
const BEGIN = '# edgeboot: begin (written by edgeboot-guest)';
const END = '# edgeboot: end';
const lines = (...all: string[]): string => `${all.join('\n')}\n`;
const FIRST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFirstKey first@example.org';
const SECOND_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAISecondKey second & more';

const FRONTEND = {
  'etc/hostname': 'vc1\n',
  'etc/hosts': lines(
    '127.0.0.1 localhost',
    BEGIN,
    '10.1.1.1 vc1.example.org vc1',
    '192.0.2.10 vc1.example.org',
    '10.1.255.254 compute-0',
    '10.1.255.253 compute-1',
    END,
  ),
  'etc/resolv.conf': lines('search local example.org', 'nameserver 192.0.2.53', 'nameserver 192.0.2.54'),
  'tmp/machinefile': lines('compute-0', 'compute-0', 'compute-1'),
  'root/.ssh/authorized_keys': lines(FIRST_KEY, SECOND_KEY),
};
const COMPUTE = {
  'etc/hostname': 'compute-0\n',
  'etc/hosts': lines('127.0.0.1 localhost', BEGIN, '10.1.1.1 vc1.example.org vc1', '10.1.255.254 compute-0', END),
  'etc/resolv.conf': lines('search local', 'nameserver 192.0.2.53'),
  'root/.ssh/authorized_keys': lines(FIRST_KEY),
};
const EXPECTED = {
  'frontend.xml': FRONTEND,
  'frontend-older-dialect.xml': FRONTEND,
  'frontend-newer-dialect.xml': FRONTEND,
  'compute.xml': COMPUTE,
};

for (const shell of SHELLS) {
  for (const [fixture, expected] of Object.entries(EXPECTED)) {
    test(`formats §5: the guest kit reads ${fixture} (${shell})`, async (t) => {
      const root = await makeGuestRoot(t, 'direct', shell);
      const { exitCode, stderr } = await root.apply(await readFixture(fixture));
      assert.equal(exitCode, 0, stderr);
      const tree = await root.tree();
      const entries = WRITTEN.filter((path) => path in tree).map(async (path): Promise<[string, string]> => [
        path,
        await root.read(path),
      ]);
      assert.deepEqual(Object.fromEntries(await Promise.all(entries)), expected);
      assert.equal(await root.mode('root/.ssh'), 0o700);
      assert.equal(await root.mode('root/.ssh/authorized_keys'), 0o600);
      assert.equal(await root.mode('etc/hosts'), 0o644);
    });
  }

  test(`formats §5: keys are appended once, and the lines of others stay (${shell})`, async (t) => {
    const root = await makeGuestRoot(t, 'direct', shell);
    const others = `# theirs\n\nssh-rsa AAAAB3Nza other\n${SECOND_KEY}`;
    await root.write('root/.ssh/authorized_keys', others, 0o640);
    for (let boots = 0; boots < 2; boots += 1) await root.apply(await readFixture('frontend.xml'));
    assert.equal(await root.read('root/.ssh/authorized_keys'), `${others}\n${FIRST_KEY}\n`);
    assert.equal(await root.mode('root/.ssh/authorized_keys'), 0o600);
  });

  test(`formats §5: the lines of others in hosts stay, but for names of the cluster (${shell})`, async (t) => {
    const root = await makeGuestRoot(t, 'direct', shell);
    const others = ['127.0.0.1 localhost', '127.0.1.1 vc1', '# a note', '192.0.2.77 licenses'];
    await root.write('etc/hosts', lines(...others));
    await root.apply(await readFixture('frontend.xml'));
    const written = (await root.read('etc/hosts')).split('\n');
    assert.deepEqual(written.slice(0, 4), ['127.0.0.1 localhost', '# a note', '192.0.2.77 licenses', BEGIN]);
  });

  test(`formats §5: a frontend with the cluster's key logs in to its computes with it (${shell})`, async (t) => {
    const root = await makeGuestRoot(t, 'direct', shell);
    await root.write('root/.edgeboot-cluster-key', '-----BEGIN OPENSSH PRIVATE KEY-----\n…\n', 0o644);
    await root.write('root/.ssh/config', 'Host elsewhere\n  User me\n');
    for (let boots = 0; boots < 2; boots += 1) await root.apply(await readFixture('frontend.xml'));
    const host = (names: string): string[] => [
      `Host ${names}`,
      '  IdentityFile /root/.edgeboot-cluster-key',
      '  StrictHostKeyChecking no',
      '  UserKnownHostsFile /dev/null',
      '  LogLevel ERROR',
    ];
    const computes = [...host('compute-0 10.1.255.254'), ...host('compute-1 10.1.255.253')];
    assert.equal(await root.read('root/.ssh/config'), lines('Host elsewhere', '  User me', BEGIN, ...computes, END));
    assert.equal(await root.mode('root/.ssh/config'), 0o600);
    assert.equal(await root.mode('root/.edgeboot-cluster-key'), 0o600);
  });
}

test('formats §5: resolv.conf of a resolver of its own, a link, is left alone', async (t) => {
  const root = await makeGuestRoot(t, 'networkd', 'dash');
  await root.link('../run/systemd/resolve/stub-resolv.conf', 'etc/resolv.conf');
  await root.apply(await readFixture('frontend.xml'));
  assert.equal((await root.tree())['etc/resolv.conf'], '-> ../run/systemd/resolve/stub-resolv.conf');
});

test('formats §5: what somebody put in the place of /tmp/machinefile is replaced, not followed', async (t) => {
  const root = await makeGuestRoot(t, 'direct', 'dash');
  await root.write('etc/precious', 'theirs\n');
  await root.link('../etc/precious', 'tmp/machinefile');
  await root.apply(await readFixture('frontend.xml'));
  assert.equal(await root.read('etc/precious'), 'theirs\n');
  assert.equal(await root.read('tmp/machinefile'), FRONTEND['tmp/machinefile']);
});

test('formats §5: optional attributes may be missing', async (t) => {
  const root = await makeGuestRoot(t, 'direct', 'dash');
  const { exitCode, stderr } = await root.apply(
    '<vc><frontend><private ip="10.1.1.1" netmask="255.255.0.0" mac="52:54:00:00:00:01"/>' +
      '<public fqdn="vc1.example.org" ip="192.0.2.10" netmask="255.255.255.0" mac="52:54:00:00:00:02"/></frontend>' +
      '<compute count="1"><node name="compute-0-0" ip="10.1.255.254" mac="52:54:00:00:00:03"/></compute></vc>',
  );
  assert.equal(exitCode, 0, stderr);
  assert.equal(await root.read('etc/hostname'), 'vc1\n');
  assert.ok(!('etc/resolv.conf' in (await root.tree())));
  assert.equal(await root.read('tmp/machinefile'), 'compute-0-0\n');
  assert.equal(await root.read('root/.ssh/authorized_keys'), '');
  assert.doesNotMatch(await root.read('run/edgeboot-guest/ip-commands'), /route|mtu/);
});
