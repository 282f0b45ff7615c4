import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from 'xmlbuilder2';
import { hasCode } from '#shared/errors.ts';
import { buildDomainXml } from '../../edge-agent/core/domain-xml.ts';
import { readClusterMark, readNodeMark } from '../../edge-agent/core/libvirt-metadata.ts';
import { bridgeName, domainName, networkName, stableUuid } from '../../edge-agent/core/libvirt-names.ts';
import { buildNetworkXml } from '../../edge-agent/core/network-xml.ts';
import type { NodePlan } from '../../edge-agent/ports.ts';

const CLUSTER = { siteId: 'naist', deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ' };
const FRONTEND: NodePlan = {
  name: 'vc1',
  role: 'frontend',
  cpus: 2,
  memoryMiB: 1024,
  backingFile: '/state/<base> & "co".raw',
  overlayFile: '/state/vc1.qcow2',
  interfaces: [
    { network: 'private', macAddress: '52:54:00:00:00:01' },
    { network: 'public', macAddress: '52:54:00:00:00:02', libvirtNetwork: 'edgeboot-naist' },
  ],
  readySocket: '/state/vc1.ready',
  consoleSocket: '/state/vc1.console',
};

/** The document read back by a parser, as plain objects. */
const parse = (xml: string): Record<string, Record<string, unknown>> =>
  create(xml).end({ format: 'object' }) as unknown as Record<string, Record<string, unknown>>;

test('a domain names both formats, keeps the shared base as it is, and orders its interfaces by slot', () => {
  const { domain } = parse(buildDomainXml(CLUSTER, FRONTEND, 'emulation'));
  assert.equal(domain?.['@type'], 'qemu');
  assert.equal(domain['name'], 'edgeboot-01jdabcdefghjkmnpqrstvwxyz-vc1');
  const devices = domain['devices'] as Record<string, Record<string, unknown>>;
  const disk = devices['disk'];
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
  const interfaces = devices['interface'] as unknown as Record<string, Record<string, string>>[];
  assert.deepEqual(
    interfaces.map((nic) => [nic['source']?.['@network'], nic['mac']?.['@address'], nic['address']?.['@slot']]),
    [
      ['edgeboot-01jdabcdefghjkmnpqrstvwxyz', '52:54:00:00:00:01', '3'],
      ['edgeboot-naist', '52:54:00:00:00:02', '4'],
    ],
  );
  assert.deepEqual(devices['serial']?.['source'], { '@mode': 'bind', '@path': '/state/vc1.console' });
  assert.deepEqual(devices['channel']?.['source'], { '@mode': 'bind', '@path': '/state/vc1.ready' });
  assert.equal(devices['graphics'], undefined);
});

test('with KVM the domain is of type kvm and sees the processor of the host', () => {
  const { domain } = parse(buildDomainXml(CLUSTER, FRONTEND, 'kvm'));
  assert.equal(domain?.['@type'], 'kvm');
  assert.deepEqual(domain['cpu'], { '@mode': 'host-passthrough' });
});

test('a socket path that the kernel would cut is refused', () => {
  const node = { ...FRONTEND, readySocket: `/${'x'.repeat(107)}` };
  assert.throws(
    () => buildDomainXml(CLUSTER, node, 'kvm'),
    (error) => hasCode(error, 'INVALID_CONFIG'),
  );
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
