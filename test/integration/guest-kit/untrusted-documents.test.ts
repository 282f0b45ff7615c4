/** Documents that the guest kit must not follow: nothing of them reaches a file or a command, and the system stays as it was. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeGuestRoot, readFixture, SHELLS } from '../../helpers/guest-kit-root.ts';

const replaced = (from: string | RegExp, to: string) => async (): Promise<string> => {
  const document = await readFixture('frontend.xml');
  const changed = document.replace(from, to);
  assert.notEqual(changed, document);
  return changed;
};

const REFUSED: Record<string, () => Promise<string>> = {
  'a command as the name': replaced('name="vc1"', 'name="$(reboot)"'),
  'backquotes in the fqdn': replaced(/fqdn="[^"]*"/g, 'fqdn="`reboot`.example.org"'),
  'a path as the name of a compute': replaced('name="compute-0"', 'name="../../etc/cron.d/x"'),
  'a name that begins like an option': replaced('name="compute-0"', 'name="-oProxyCommand=reboot"'),
  'sed in the fqdn': replaced(/fqdn="[^"]*"/g, 'fqdn="a/;w /etc/x"'),
  'a new line in a name': replaced('name="compute-0"', 'name="compute-0&#10;0.0.0.0 x"'),
  'a name of 64 letters': replaced('name="vc1"', `name="${'a'.repeat(64)}"`),
  'an address with more in it': replaced('ip="10.1.1.1"', 'ip="10.1.1.1; reboot"'),
  'an address out of range': replaced('ip="10.1.1.1"', 'ip="10.1.1.256"'),
  'a netmask with a hole': replaced('netmask="255.255.0.0"', 'netmask="255.0.255.0"'),
  'an interface without a netmask': replaced(
    'netmask="255.255.0.0" mac="52:54:00:00:00:01"',
    'mac="52:54:00:00:00:01"',
  ),
  'a MAC address that is none': replaced('mac="52:54:00:00:00:01"', 'mac="52:54:00:00:00:0g"'),
  'an MTU that is none': replaced('mtu="1500"', 'mtu="1500 up; reboot"'),
  'more CPUs than there are': replaced('cpus="2"', 'cpus="99999999"'),
  'a name server that is none': replaced('ip="192.0.2.53,192.0.2.54"', 'ip="192.0.2.53,$(reboot)"'),
  'a search domain with a command': replaced('search="local"', 'search="local|reboot"'),
  'a key with options': replaced('<key>', '<key>command="reboot" '),
  'an interface with an odd name': replaced('<private ', '<pri.vate/><x..y ip="10.9.9.9" '),
  'no interface': () => Promise.resolve('<vc><frontend fqdn="vc1.example.org"/><compute count="0"/></vc>'),
  'an empty file': () => Promise.resolve(''),
  'half a document': async () => (await readFixture('frontend.xml')).slice(0, 700),
  'a tag that is not closed': replaced('</frontend>', ''),
  'tags that cross': replaced('</frontend>', '</vc></frontend><vc>'),
  'two documents': async () => `${await readFixture('frontend.xml')}<vc/>`,
  'another root': () => Promise.resolve('<html><frontend/></html>'),
  'an attribute twice': replaced('name="vc1"', 'name="vc1" name="vc2"'),
  'an attribute without quotes': replaced('name="vc1"', 'name=vc1'),
  'a document type': replaced('<vc>', '<!DOCTYPE vc [<!ENTITY x SYSTEM "file:///etc/shadow">]><vc>'),
  'an entity of its own': replaced('name="vc1"', 'name="&x;"'),
  'text around it': replaced('</vc>', '</vc> and more'),
};

for (const shell of SHELLS) {
  test(`formats §5: a document that is malformed or not allowed changes nothing (${shell})`, async (t) => {
    const root = await makeGuestRoot(t, 'ifupdown', shell);
    await root.apply(await readFixture('frontend.xml'));
    for (const [what, document] of Object.entries(REFUSED)) {
      await t.test(what, async () => {
        await root.write('root/vc-out.xml', await document(), 0o600);
        const before = await root.tree({ times: true });
        const { exitCode, stderr } = await root.run('apply');
        assert.equal(exitCode, 1);
        assert.match(stderr, /vc-out\.xml is (?:malformed|refused): /);
        assert.match(stderr, /nothing was changed/);
        assert.deepEqual(await root.tree({ times: true }), before);
      });
    }
  });

  test(`formats §5: what a shell could mistake for its own reaches a file as it is (${shell})`, async (t) => {
    const root = await makeGuestRoot(t, 'ifupdown', shell);
    const comment = '$(touch /tmp/x) `id` \\n "q" \'s\' %s * ; & < >';
    const escaped = comment.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const { exitCode, stderr } = await root.apply(
      (await readFixture('compute.xml')).replace('first@example.org', escaped),
    );
    assert.equal(exitCode, 0, stderr);
    const key = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFirstKey ${comment}\n`;
    assert.equal(await root.read('root/.ssh/authorized_keys'), key);
  });
}

test('formats §5: comments, single quotes, white space and > in values are read as XML has them', async (t) => {
  const root = await makeGuestRoot(t, 'direct', 'busybox');
  const { exitCode, stderr } = await root.apply(
    `<?xml version='1.0'?>\n<!-- <vc> a > b -->\n<vc note = 'a > b'\n><frontend fqdn='vc1.example.org' />` +
      `<compute name='c0' gw='10.1.1.1' ><private\n ip='10.1.255.254'\n\tnetmask = '255.255.0.0' mac='52:54:00:00:00:03'\n/></compute ></vc>\n<!-- end -->\n`,
  );
  assert.equal(exitCode, 0, stderr);
  assert.match(await root.read('etc/hosts'), /^10\.1\.255\.254 c0$/m);
});
