/** The interfaces of a node, as the guest kit writes them for each system that starts networks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import {
  type GuestRoot,
  makeGuestRoot,
  NETWORK_SYSTEMS,
  type NetworkSystem,
  readFixture,
  type Shell,
  SHELLS,
} from '../../helpers/guest-kit-root.ts';

const EXTRA = '<storage ip="172.16.0.1" netmask="255.255.255.240" mac="52:54:00:00:00:09"/>';

/** `key=value` lines below `[section]` headers; repeated keys in order. */
function sections(text: string): Record<string, Record<string, string[]>> {
  const found: Record<string, Record<string, string[]>> = {};
  let current = '';
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const header = /^\[(.+)\]$/.exec(line)?.[1];
    if (header !== undefined) {
      assert.ok(!(header in found), `[${header}] twice`);
      found[(current = header)] = {};
      continue;
    }
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/.exec(line) ?? [];
    assert.notEqual(key, '', line);
    ((found[current] ??= {})[key] ??= []).push(value);
  }
  return found;
}

async function frontend(root: GuestRoot): Promise<void> {
  const document = (await readFixture('frontend.xml')).replace('</frontend>', `${EXTRA}</frontend>`);
  const { exitCode, stderr } = await root.apply(document);
  assert.equal(exitCode, 0, stderr);
}

const CHECKS: Record<NetworkSystem, (root: GuestRoot) => Promise<void>> = {
  netplan: async (root) => {
    await frontend(root);
    assert.equal(await root.mode('etc/netplan/90-edgeboot.yaml'), 0o600);
    const plain = { dhcp4: false, dhcp6: false };
    assert.deepEqual(parse(await root.read('etc/netplan/90-edgeboot.yaml')), {
      network: {
        version: 2,
        ethernets: {
          'edgeboot-public': {
            match: { macaddress: '52:54:00:00:00:02' },
            ...plain,
            addresses: ['192.0.2.10/24'],
            mtu: 1500,
            routes: [{ to: '0.0.0.0/0', via: '192.0.2.1' }],
            nameservers: { addresses: ['192.0.2.53', '192.0.2.54'], search: ['local', 'example.org'] },
          },
          'edgeboot-private': {
            match: { macaddress: '52:54:00:00:00:01' },
            ...plain,
            addresses: ['10.1.1.1/16'],
            mtu: 1500,
          },
          'edgeboot-storage': {
            match: { macaddress: '52:54:00:00:00:09' },
            ...plain,
            addresses: ['172.16.0.1/28'],
          },
        },
      },
    });
  },

  ifcfg: async (root) => {
    await root.write('etc/sysconfig/network', 'HOSTNAME=localhost\nNOZEROCONF=yes\n');
    await frontend(root);
    const folder = 'etc/sysconfig/network-scripts';
    const common = { TYPE: ['Ethernet'], BOOTPROTO: ['none'], ONBOOT: ['yes'] };
    assert.deepEqual(sections(await root.read(`${folder}/ifcfg-ens3`)), {
      '': {
        DEVICE: ['ens3'],
        HWADDR: ['52:54:00:00:00:02'],
        ...common,
        IPADDR: ['192.0.2.10'],
        NETMASK: ['255.255.255.0'],
        MTU: ['1500'],
        GATEWAY: ['192.0.2.1'],
        DNS1: ['192.0.2.53'],
        DNS2: ['192.0.2.54'],
        DOMAIN: ['"local example.org"'],
      },
    });
    assert.deepEqual(sections(await root.read(`${folder}/ifcfg-ens7`)), {
      '': {
        DEVICE: ['ens7'],
        HWADDR: ['52:54:00:00:00:01'],
        ...common,
        IPADDR: ['10.1.1.1'],
        NETMASK: ['255.255.0.0'],
        MTU: ['1500'],
      },
    });
    assert.match(await root.read(`${folder}/ifcfg-ens9`), /^NETMASK=255\.255\.255\.240$/m);
    assert.equal(await root.read('etc/sysconfig/network'), 'NOZEROCONF=yes\nNETWORKING=yes\nHOSTNAME=vc1\n');
  },

  networkmanager: async (root) => {
    await frontend(root);
    const folder = 'etc/NetworkManager/system-connections';
    const file = (network: string): string => `${folder}/edgeboot-${network}.nmconnection`;
    // NetworkManager ignores key files that others may read.
    assert.equal(await root.mode(file('public')), 0o600);
    assert.deepEqual(sections(await root.read(file('public'))), {
      connection: { id: ['edgeboot-public'], type: ['ethernet'], 'autoconnect-priority': ['100'] },
      ethernet: { 'mac-address': ['52:54:00:00:00:02'], mtu: ['1500'] },
      ipv4: {
        method: ['manual'],
        address1: ['192.0.2.10/24,192.0.2.1'],
        dns: ['192.0.2.53;192.0.2.54;'],
        'dns-search': ['local;example.org;'],
      },
      ipv6: { method: ['link-local'] },
    });
    assert.deepEqual(sections(await root.read(file('private')))['ipv4'], {
      method: ['manual'],
      address1: ['10.1.1.1/16'],
      'never-default': ['true'],
    });
    assert.deepEqual(sections(await root.read(file('storage')))['ethernet'], { 'mac-address': ['52:54:00:00:00:09'] });
    assert.ok(!('etc/resolv.conf' in (await root.tree())), 'NetworkManager writes it');
  },

  networkd: async (root) => {
    await frontend(root);
    const file = (network: string): string => `etc/systemd/network/05-edgeboot-${network}.network`;
    assert.deepEqual(sections(await root.read(file('public'))), {
      Match: { MACAddress: ['52:54:00:00:00:02'], Type: ['ether'] },
      Link: { MTUBytes: ['1500'] },
      Network: {
        DHCP: ['no'],
        Address: ['192.0.2.10/24'],
        Gateway: ['192.0.2.1'],
        DNS: ['192.0.2.53', '192.0.2.54'],
        Domains: ['local example.org'],
      },
    });
    assert.deepEqual(sections(await root.read(file('storage'))), {
      Match: { MACAddress: ['52:54:00:00:00:09'], Type: ['ether'] },
      Network: { DHCP: ['no'], Address: ['172.16.0.1/28'] },
    });
    // networkd runs as a user of its own.
    assert.equal(await root.mode(file('private')), 0o644);
  },

  ifupdown: async (root) => {
    await frontend(root);
    const stanzas = (await root.read('etc/network/interfaces')).split('\n\n');
    assert.deepEqual(
      stanzas.map((stanza) => stanza.trimEnd().split('\n')),
      [
        ['# written by edgeboot-guest', 'source /etc/network/interfaces.d/*'],
        ['auto lo', 'iface lo inet loopback'],
        [
          'auto ens3',
          'iface ens3 inet static',
          ...['    address 192.0.2.10', '    netmask 255.255.255.0', '    mtu 1500', '    gateway 192.0.2.1'],
          ...['    dns-nameservers 192.0.2.53 192.0.2.54', '    dns-search local example.org'],
        ],
        ['auto ens7', 'iface ens7 inet static', ...['    address 10.1.1.1', '    netmask 255.255.0.0', '    mtu 1500']],
        ['auto ens9', 'iface ens9 inet static', '    address 172.16.0.1', '    netmask 255.255.255.240'],
      ],
    );
  },

  direct: async (root) => {
    await frontend(root);
    assert.deepEqual((await root.read('run/edgeboot-guest/ip-commands')).trimEnd().split('\n'), [
      '# written by edgeboot-guest',
      'link set dev lo up',
      'link set dev ens3 mtu 1500',
      'addr flush dev ens3',
      'addr add 192.0.2.10/24 brd + dev ens3',
      'link set dev ens3 up',
      'route replace default via 192.0.2.1 dev ens3',
      'link set dev ens7 mtu 1500',
      'addr flush dev ens7',
      'addr add 10.1.1.1/16 brd + dev ens7',
      'link set dev ens7 up',
      'addr flush dev ens9',
      'addr add 172.16.0.1/28 brd + dev ens9',
      'link set dev ens9 up',
    ]);
  },
};

/** Where a compute's way out is to be found, in a file of each system. */
const COMPUTES_GATEWAY: Record<NetworkSystem, readonly [string, RegExp]> = {
  netplan: ['etc/netplan/90-edgeboot.yaml', /via: "10\.1\.1\.1"/],
  ifcfg: ['etc/sysconfig/network-scripts/ifcfg-eth2', /^GATEWAY=10\.1\.1\.1$/m],
  networkmanager: [
    'etc/NetworkManager/system-connections/edgeboot-private.nmconnection',
    /^address1=10\.1\.255\.254\/16,10\.1\.1\.1$/m,
  ],
  networkd: ['etc/systemd/network/05-edgeboot-private.network', /^Gateway=10\.1\.1\.1$/m],
  ifupdown: ['etc/network/interfaces', /^ {4}gateway 10\.1\.1\.1$/m],
  direct: ['run/edgeboot-guest/ip-commands', /^route replace default via 10\.1\.1\.1 dev eth2$/m],
};

for (const system of NETWORK_SYSTEMS) {
  for (const shell of SHELLS) {
    test(`formats §5: a frontend's interfaces through ${system} (${shell})`, async (t) =>
      CHECKS[system](await makeGuestRoot(t, system, shell)));

    test(`formats §5: a compute's way out is its frontend, through ${system} (${shell})`, async (t) => {
      const root = await makeGuestRoot(t, system, shell);
      await root.apply(await readFixture('compute.xml'));
      const [file, expected] = COMPUTES_GATEWAY[system];
      assert.match(await root.read(file), expected);
    });

    test(`formats §5: applying twice changes nothing, with ${system} (${shell})`, (t) => twice(t, system, shell));
  }

  test(`formats §5: what a network left behind goes with it, with ${system}`, async (t) => {
    const root = await makeGuestRoot(t, system, 'dash');
    await root.apply(await readFixture('frontend.xml'));
    const without = await root.tree();
    await frontend(root);
    assert.notDeepEqual(await root.tree(), without);
    await root.apply(await readFixture('frontend.xml'));
    assert.deepEqual(await root.tree(), without);
  });
}

async function twice(t: Parameters<typeof makeGuestRoot>[0], system: NetworkSystem, shell: Shell): Promise<void> {
  const root = await makeGuestRoot(t, system, shell);
  await root.write('root/.edgeboot-cluster-key', '-----BEGIN OPENSSH PRIVATE KEY-----\n…\n', 0o600);
  await frontend(root);
  const once = await root.tree({ times: true });
  const { exitCode } = await root.run('apply');
  assert.equal(exitCode, 0);
  assert.deepEqual(await root.tree({ times: true }), once);
}

test('formats §5: a device is found by its address, in capitals too, and not by its name', async (t) => {
  const root = await makeGuestRoot(t, 'ifupdown', 'dash');
  const document = await readFixture('compute.xml');
  await root.write('sys/class/net/ens7/address', '52:54:00:00:00:aa\n');
  await root.apply(document.replace('52:54:00:00:00:03', '52:54:00:00:00:AA'));
  assert.match(await root.read('etc/network/interfaces'), /^iface ens7 inet static\n {4}address 10\.1\.255\.254$/m);
});

test('formats §5: an interface that is not there is said, and the others are configured', async (t) => {
  const root = await makeGuestRoot(t, 'ifupdown', 'dash');
  await root.write('sys/class/net/ens3/address', '52:54:00:00:00:bb\n');
  const { exitCode, stderr } = await root.apply(await readFixture('frontend.xml'));
  assert.equal(exitCode, 0);
  assert.match(stderr, /there is no interface with 52:54:00:00:00:02, for the network public/);
  assert.match(await root.read('etc/network/interfaces'), /^iface ens7 inet static$/m);
});
