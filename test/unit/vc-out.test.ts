/** The document that guests read (spec of the formats, section 5), parsed back as old and new guests parse it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type VcCluster, writeComputeDocument, writeFrontendDocument } from '#shared/vc-xml/write-vc-out.ts';
import { convert } from 'xmlbuilder2';

const CLUSTER: VcCluster = {
  frontend: {
    name: 'vc1',
    fqdn: 'vc1.example.org',
    gateway: '192.0.2.1',
    public: { address: '192.0.2.10', netmask: '255.255.255.0', macAddress: '02:00:00:00:00:01' },
    private: { address: '10.1.1.1', netmask: '255.255.0.0', macAddress: '02:00:00:00:00:02' },
    extra: [],
  },
  computes: [
    {
      name: 'compute-0',
      cpus: 2,
      private: { address: '10.1.255.254', netmask: '255.255.0.0', macAddress: '02:00:00:00:00:03' },
      extra: [],
    },
    {
      name: 'compute-1',
      cpus: 1,
      private: { address: '10.1.255.253', netmask: '255.255.0.0', macAddress: '02:00:00:00:00:04' },
      extra: [],
    },
  ],
  dns: { servers: ['192.0.2.53', '192.0.2.54'], search: 'local', domain: '' },
  sshPublicKeys: ['ssh-ed25519 AAAA one', 'ssh-rsa BBBB <two> & "three"'],
};

interface Element {
  readonly [name: string]: (string & Element & Element[]) | undefined;
}
const parse = (document: string): Element => convert(document, { format: 'object' }) as unknown as Element;
const childrenOf = (element: Element | undefined): string[] =>
  Object.keys(element ?? {}).filter((name) => !name.startsWith('@'));
/** The reader used here leaves the entities of a text as they are. */
const unescape = (text: string): string =>
  text.replace(/&(lt|gt|amp);/g, (_, name: 'lt' | 'gt' | 'amp') => ({ lt: '<', gt: '>', amp: '&' })[name]);

describe("the frontend's document", () => {
  const { vc } = parse(writeFrontendDocument(CLUSTER)) as unknown as { vc: Element };

  it('formats §5: has what the older dialect reads', () => {
    const { public: publicSide, private: privateSide } = vc['frontend'] as Element;
    assert.deepEqual(
      ['@fqdn', '@ip', '@netmask', '@gw', '@mac'].map((name) => publicSide?.[name]),
      ['vc1.example.org', '192.0.2.10', '255.255.255.0', '192.0.2.1', '02:00:00:00:00:01'],
    );
    assert.deepEqual(
      ['@ip', '@netmask', '@mac'].map((name) => privateSide?.[name]),
      ['10.1.1.1', '255.255.0.0', '02:00:00:00:00:02'],
    );
    assert.equal(vc['compute']?.['@count'], '2');
    assert.deepEqual(
      (vc['compute']['node'] as Element[]).map((node: Element) =>
        ['@name', '@mac', '@ip', '@cpus'].map((name) => node[name]),
      ),
      [
        ['compute-0', '02:00:00:00:00:03', '10.1.255.254', '2'],
        ['compute-1', '02:00:00:00:00:04', '10.1.255.253', '1'],
      ],
    );
  });

  it('formats §5: has what the newer dialect reads', () => {
    assert.deepEqual(
      ['@name', '@fqdn', '@gw'].map((name) => vc['frontend']?.[name]),
      ['vc1', 'vc1.example.org', '192.0.2.1'],
    );
    for (const node of vc['compute']?.['node'] as Element[]) {
      assert.equal(node['@gw'], '10.1.1.1');
      assert.deepEqual(
        Object.keys(node).filter((name) => !name.startsWith('@')),
        ['private'],
      );
      assert.deepEqual(Object.keys(node['private'] as Element).sort(), ['@ip', '@mac', '@mtu', '@netmask']);
    }
  });

  it('formats §5: has no child of <frontend> or <node> that is not an interface', () => {
    assert.deepEqual(childrenOf(vc['frontend']), ['public', 'private']);
    for (const node of vc['compute']?.['node'] as Element[]) assert.deepEqual(childrenOf(node), ['private']);
    assert.deepEqual(childrenOf(vc), ['frontend', 'compute', 'network', 'key']);
  });

  it('formats §5: has one <dns>, and one <key> with all keys, a line each', () => {
    assert.equal(vc['network']?.['dns']?.['@ip'], '192.0.2.53,192.0.2.54');
    assert.equal(unescape(vc['key'] ?? ''), 'ssh-ed25519 AAAA one\nssh-rsa BBBB <two> & "three"');
    assert.equal(writeFrontendDocument(CLUSTER).match(/<key>/g)?.length, 1);
  });
});

describe("a compute's document", () => {
  const { vc } = parse(writeComputeDocument(CLUSTER, 'compute-1')) as unknown as { vc: Element };

  it('formats §5: names the frontend, and the compute itself with its gateway, for both dialects', () => {
    assert.equal(vc['frontend']?.['@fqdn'], 'vc1.example.org');
    assert.equal((vc['frontend'] as Element)['public']?.['@fqdn'], 'vc1.example.org');
    assert.deepEqual(
      ['@name', '@gw'].map((name) => vc['compute']?.[name]),
      ['compute-1', '10.1.1.1'],
    );
    assert.deepEqual(
      ['@fqdn', '@ip', '@netmask', '@gw', '@mac'].map((name) => vc['compute']?.['private']?.[name]),
      ['compute-1', '10.1.255.253', '255.255.0.0', '10.1.1.1', '02:00:00:00:00:04'],
    );
  });

  it('formats §5: has no child of <compute> that is not an interface', () => {
    assert.deepEqual(childrenOf(vc['compute']), ['private']);
    assert.deepEqual(childrenOf(vc['frontend']), ['public']);
  });

  it("formats §5: has the same names as the frontend's", () => {
    const whole = parse(writeFrontendDocument(CLUSTER)) as unknown as { vc: Element };
    const listed = (whole.vc['compute']?.['node'] as Element[]).map((node) => String(node['@name']));
    const own = listed.map((name) => parse(writeComputeDocument(CLUSTER, name)) as unknown as { vc: Element });
    assert.deepEqual(
      own.map(({ vc: document }) => document['compute']?.['@name']),
      listed,
    );
  });

  it('is refused for a compute that is not there', () => {
    assert.throws(() => writeComputeDocument(CLUSTER, 'compute-9'), RangeError);
  });
});

describe('extra interfaces', () => {
  const storage = {
    network: 'storage',
    address: '10.5.0.1',
    netmask: '255.255.255.0',
    macAddress: '02:00:00:00:00:05',
  };
  const cluster: VcCluster = {
    ...CLUSTER,
    frontend: { ...CLUSTER.frontend, extra: [storage] },
    computes: CLUSTER.computes.map((compute) => ({ ...compute, extra: [storage] })),
  };

  it('formats §5: are interfaces like the others, named after their network', () => {
    const { vc } = parse(writeFrontendDocument(cluster)) as unknown as { vc: Element };
    const compute = parse(writeComputeDocument(cluster, 'compute-0')) as unknown as { vc: Element };
    assert.deepEqual(childrenOf(vc['frontend']), ['public', 'private', 'storage']);
    for (const holder of [vc['frontend'], compute.vc['compute']]) {
      assert.deepEqual(
        ['@ip', '@netmask', '@mac', '@mtu'].map((name) => holder?.['storage']?.[name]),
        ['10.5.0.1', '255.255.255.0', '02:00:00:00:00:05', '1500'],
      );
    }
  });
});
