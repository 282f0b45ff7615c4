import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from 'xmlbuilder2';
import { hasCode } from '#shared/errors.ts';
import { buildCheckedXml } from '../../edge-agent/core/checked-xml.ts';
import { buildDomainXml, readMacAddresses } from '../../edge-agent/core/domain-xml.ts';
import { readClusterMark, readNodeMark } from '../../edge-agent/core/libvirt-metadata.ts';
import { bridgeName, domainName, networkName, stableUuid } from '../../edge-agent/core/libvirt-names.ts';
import { buildNetworkXml, readBridge } from '../../edge-agent/core/network-xml.ts';
import type { Hardware, NodeInterface, NodePlan } from '../../edge-agent/ports.ts';

const CLUSTER = { siteId: 'naist', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ' };
const FRONTEND: NodePlan = {
  name: 'vc1',
  role: 'frontend',
  cpus: 2,
  memoryMiB: 1024,
  backingFile: '/state/<base> & "co".raw',
  overlayFile: '/state/vc1.qcow2',
  hardware: { diskBus: 'virtio', nicModel: 'virtio' },
  interfaces: [
    { macAddress: '52:54:00:00:00:01', link: { kind: 'private' } },
    { macAddress: '52:54:00:00:00:02', link: { kind: 'libvirt-network', name: 'edgeboot-naist' } },
    { macAddress: '52:54:00:00:00:03', link: { kind: 'bridge', name: 'br-storage' } },
  ],
  readySocket: '/state/vc1.ready',
  consoleSocket: '/state/vc1.console',
};

/** The document read back by a parser, as plain objects. */
const parse = (xml: string): Record<string, Record<string, unknown>> =>
  create(xml).end({ format: 'object' }) as unknown as Record<string, Record<string, unknown>>;

type Element = Record<string, Record<string, unknown>>;

/** All of one kind, whether the document has one or several. */
function devices(node: NodePlan, kind: string): Element[] {
  const found = (parse(buildDomainXml(CLUSTER, node, 'kvm'))['domain'] as Record<string, Element>)['devices']?.[kind];
  return found === undefined ? [] : Array.isArray(found) ? (found as Element[]) : [found as Element];
}

const isRefused = (error: unknown): boolean => hasCode(error, 'INVALID_CONFIG');

test('a domain names both formats, keeps the shared base as it is, and has no display', () => {
  const { domain } = parse(buildDomainXml(CLUSTER, FRONTEND, 'emulation'));
  assert.equal(domain?.['@type'], 'qemu');
  assert.equal(domain['name'], 'edgeboot-01jdabcdefghjkmnpqrstvwxyz-vc1');
  const [disk] = devices(FRONTEND, 'disk');
  assert.deepEqual(disk?.['driver'], {
    '@name': 'qemu',
    '@type': 'qcow2',
    '@discard': 'unmap',
    '@detect_zeroes': 'unmap',
  });
  assert.deepEqual(disk['backingStore'], {
    '@type': 'file',
    format: { '@type': 'raw' },
    // As the document spells it: the object format does not undo the escapes.
    source: {
      '@file': '/state/&lt;base&gt; &amp; &quot;co&quot;.raw',
      seclabel: { '@model': 'dac', '@relabel': 'no' },
    },
    backingStore: {},
  });
  assert.deepEqual(devices(FRONTEND, 'serial')[0]?.['source'], { '@mode': 'bind', '@path': '/state/vc1.console' });
  assert.deepEqual(devices(FRONTEND, 'channel')[0]?.['source'], { '@mode': 'bind', '@path': '/state/vc1.ready' });
  assert.deepEqual(devices(FRONTEND, 'graphics'), []);
});

test('formats §1: interfaces come in the fixed order of their slots: private first, public second, extra ones after', () => {
  const interfaces = devices(FRONTEND, 'interface');
  assert.deepEqual(
    interfaces.map((nic) => [nic['@type'], nic['source'], nic['mac']?.['@address'], nic['address']?.['@slot']]),
    [
      ['network', { '@network': 'edgeboot-01jdabcdefghjkmnpqrstvwxyz' }, '52:54:00:00:00:01', '3'],
      ['network', { '@network': 'edgeboot-naist' }, '52:54:00:00:00:02', '4'],
      ['bridge', { '@bridge': 'br-storage' }, '52:54:00:00:00:03', '5'],
    ],
  );
});

test('formats §2: the disk bus and the NIC model of the description are honored', () => {
  const seen = (diskBus: Hardware['diskBus']) => {
    const node: NodePlan = { ...FRONTEND, hardware: { diskBus, nicModel: 'e1000' }, seedFile: '/state/vc1.seed' };
    const disks = devices(node, 'disk').map((disk) => [
      disk['@device'],
      disk['target'],
      disk['driver']?.['@type'],
      disk['readonly'] !== undefined,
      disk['address']?.['@slot'] ?? disk['address']?.['@unit'],
    ]);
    const controllers = devices(node, 'controller').map((controller) => [
      controller['@type'] as unknown,
      controller['@model'],
    ]);
    assert.ok(devices(node, 'interface').every((nic) => nic['model']?.['@type'] === 'e1000'));
    return { disks, controllers: controllers.filter(([type]) => type !== 'usb' && type !== 'virtio-serial') };
  };
  const target = (dev: string, bus: string) => ({ '@dev': dev, '@bus': bus });
  assert.deepEqual(seen('virtio'), {
    disks: [
      ['disk', target('vda', 'virtio'), 'qcow2', false, '10'],
      ['disk', target('vdb', 'virtio'), 'raw', true, '13'],
    ],
    controllers: [],
  });
  const withController = (prefix: string, bus: string, controllers: unknown[]) => ({
    disks: [
      ['disk', target(`${prefix}a`, bus), 'qcow2', false, '0'],
      ['cdrom', target(`${prefix}b`, bus), 'raw', true, '1'],
    ],
    controllers,
  });
  assert.deepEqual(seen('ide'), withController('hd', 'ide', []));
  assert.deepEqual(seen('sata'), withController('sd', 'sata', [['sata', undefined]]));
  assert.deepEqual(seen('scsi'), withController('sd', 'scsi', [['scsi', 'lsilogic']]));
});

test('with KVM the domain is of type kvm and sees the processor of the host', () => {
  const { domain } = parse(buildDomainXml(CLUSTER, FRONTEND, 'kvm'));
  assert.equal(domain?.['@type'], 'kvm');
  assert.deepEqual(domain['cpu'], { '@mode': 'host-passthrough' });
});

test('formats §5: a MAC address in upper case is refused, as is what no machine can have', () => {
  const nic = (last: number): NodeInterface => ({
    macAddress: `52:54:00:00:00:${last.toString(16).padStart(2, '0')}`,
    link: { kind: 'private' },
  });
  const refused: Partial<NodePlan>[] = [
    { readySocket: `/${'x'.repeat(107)}` },
    { interfaces: [{ macAddress: '52:54:00:00:00:AB', link: { kind: 'private' } }] },
    { interfaces: [nic(1), nic(1)] },
    { interfaces: [1, 2, 3, 4, 5, 6, 7, 8].map(nic) },
    { cpus: 0 },
  ];
  for (const change of refused) {
    assert.throws(() => buildDomainXml(CLUSTER, { ...FRONTEND, ...change }, 'kvm'), isRefused, JSON.stringify(change));
  }
  assert.equal(devices({ ...FRONTEND, interfaces: [1, 2, 3, 4, 5, 6, 7].map(nic) }, 'interface').length, 7);
});

test('fault 49: XML metacharacters in names are refused; in paths they stay text, and make no device', () => {
  const hostile = `x"/><disk type="file"><source file="/etc/shadow"/></disk><y a="]]>&amp;`;
  const refused: Partial<NodePlan>[] = [
    { name: hostile },
    { interfaces: [{ macAddress: '52:54:00:00:00:01', link: { kind: 'libvirt-network', name: hostile } }] },
    { interfaces: [{ macAddress: '52:54:00:00:00:01', link: { kind: 'bridge', name: hostile } }] },
    { interfaces: [{ macAddress: hostile, link: { kind: 'private' } }] },
    { overlayFile: '/state/a\nb' },
    { overlayFile: '/state/a\0b' },
  ];
  for (const change of refused) {
    assert.throws(() => buildDomainXml(CLUSTER, { ...FRONTEND, ...change }, 'kvm'), isRefused, JSON.stringify(change));
  }
  const odd = { ...FRONTEND, overlayFile: `/state/${hostile}`, backingFile: `/state/<!--${hostile}-->` };
  assert.equal(devices(odd, 'disk').length, 1);
  assert.deepEqual(
    Object.keys((parse(buildDomainXml(CLUSTER, odd, 'kvm'))['domain'] as Record<string, object>)['devices'] ?? {}),
    Object.keys((parse(buildDomainXml(CLUSTER, FRONTEND, 'kvm'))['domain'] as Record<string, object>)['devices'] ?? {}),
  );
});

test('fault 49: XML that would read back as something else never leaves', () => {
  assert.equal(
    buildCheckedXml({ a: { '@b': '<&">', c: 'x' } }),
    '<?xml version="1.0"?><a b="&lt;&amp;&quot;&gt;"><c>x</c></a>',
  );
  // A name of an element that is none: the serializer writes it as it is.
  assert.throws(() => buildCheckedXml({ 'a b="c"': {} }));
  // A comment that ends early.
  assert.throws(() => buildCheckedXml({ a: { '!': '--><b/><!--' } }), /read back/);
});

test('our mark is read back from domains and networks, and from nothing else', () => {
  const networkXml = buildNetworkXml(CLUSTER);
  assert.deepEqual(readNodeMark(buildDomainXml(CLUSTER, FRONTEND, 'kvm')), {
    ...CLUSTER,
    name: 'vc1',
    role: 'frontend',
  });
  assert.deepEqual(readClusterMark(networkXml), CLUSTER);
  assert.equal(readNodeMark(networkXml), undefined);
  const foreign = [
    '<network><name>edgeboot-x</name></network>',
    '<network><metadata/></network>',
    networkXml.replaceAll('https://edgeboot.org/xmlns/1', 'https://example.org/'),
    networkXml.replace('siteId="naist"', 'siteId="NAIST/.."'),
  ];
  for (const xml of foreign) assert.equal(readClusterMark(xml), undefined, xml);
});

test('what drivers look for in XML of others is found, or is not there', () => {
  const [one, two, three] = FRONTEND.interfaces.map(({ macAddress }) => macAddress);
  assert.deepEqual(readMacAddresses(buildDomainXml(CLUSTER, FRONTEND, 'kvm')), [one, two, three]);
  const single = { ...FRONTEND, interfaces: FRONTEND.interfaces.slice(0, 1) };
  assert.deepEqual(readMacAddresses(buildDomainXml(CLUSTER, single, 'kvm')), [one]);
  assert.deepEqual(readMacAddresses('<domain><devices><disk/></devices></domain>'), []);
  assert.equal(readBridge(buildNetworkXml(CLUSTER)), bridgeName(CLUSTER.deploymentId));
  assert.equal(readBridge('<network><forward mode="hostdev"/></network>'), undefined);
});

test('the private network has no address of the host and no way out', () => {
  const { network } = parse(buildNetworkXml(CLUSTER));
  assert.deepEqual(Object.keys(network ?? {}).sort(), ['bridge', 'metadata', 'name', 'uuid']);
});

test('names follow from the deployment alone and fit their limits', () => {
  const { deploymentId } = CLUSTER;
  assert.equal(networkName(deploymentId), 'edgeboot-01jdabcdefghjkmnpqrstvwxyz');
  assert.equal(domainName(deploymentId, 'compute-0'), 'edgeboot-01jdabcdefghjkmnpqrstvwxyz-compute-0');
  assert.equal(bridgeName(deploymentId).length, 15);
  assert.equal(stableUuid(deploymentId, 'a'), stableUuid(deploymentId, 'a'));
  assert.notEqual(stableUuid(deploymentId, 'a'), stableUuid(deploymentId, 'b'));
  assert.match(stableUuid(deploymentId, 'a'), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
