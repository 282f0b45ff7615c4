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
/** The reader used here leaves the entities of a text as they are. */
const unescape = (text: string): string =>
  text.replace(/&(lt|gt|amp);/g, (_, name: 'lt' | 'gt' | 'amp') => ({ lt: '<', gt: '>', amp: '&' })[name]);

describe("the frontend's document", () => {
  const { vc } = parse(writeFrontendDocument(CLUSTER)) as unknown as { vc: Element };

  it('has what the older dialect reads', () => {
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

  it('has what the newer dialect reads', () => {
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

  it('has no child of <frontend> that is not an interface', () => {
    const children = Object.keys(vc['frontend'] as Element).filter((name) => !name.startsWith('@'));
    assert.deepEqual(children, ['public', 'private']);
  });

  it('has one <dns>, and one <key> with all keys, a line each', () => {
    assert.equal(vc['network']?.['dns']?.['@ip'], '192.0.2.53,192.0.2.54');
    assert.equal(unescape(vc['key'] ?? ''), 'ssh-ed25519 AAAA one\nssh-rsa BBBB <two> & "three"');
    assert.equal(writeFrontendDocument(CLUSTER).match(/<key>/g)?.length, 1);
  });
});

describe("a compute's document", () => {
  const { vc } = parse(writeComputeDocument(CLUSTER, 'compute-1')) as unknown as { vc: Element };

  it('names the frontend, and the compute itself with its gateway, for both dialects', () => {
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

  it('is refused for a compute that is not there', () => {
    assert.throws(() => writeComputeDocument(CLUSTER, 'compute-9'), RangeError);
  });
});
