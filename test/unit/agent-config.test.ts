import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { defaultConfig, readConfig, requireFederation } from '../../edge-agent/config.ts';
import { publicNetworkSchema } from '../../edge-agent/core/public-network.ts';
import { ensureDirectory, replaceFile } from '../../edge-agent/durable-files.ts';
import { readIdentity, writeIdentity } from '../../edge-agent/identity.ts';
import { readPeerKey } from '../../edge-agent/peers/peer-key.ts';
import { newKeyPair } from '#shared/keys.ts';
import { PUBLIC_NETWORK_SETTINGS } from '../helpers/model-samples.ts';

let directory: string;
before(async () => (directory = await mkdtemp(path.join(tmpdir(), 'edgeboot-config-'))));
after(() => rm(directory, { recursive: true, force: true }));

const invalid = (message: RegExp) => ({ name: 'EdgebootError', code: 'INVALID_CONFIG', message });

describe("the agent's configuration", () => {
  const read = async (text: string) => {
    const file = path.join(directory, 'agent.yaml');
    await writeFile(file, text);
    return readConfig(file);
  };
  const withNetwork = (changes: Partial<typeof PUBLIC_NETWORK_SETTINGS>, more = {}) =>
    read(
      stringify({
        apiUrl: 'https://api.example.org',
        publicNetwork: { ...PUBLIC_NETWORK_SETTINGS, ...changes },
        ...more,
      }),
    );

  it('has a default for everything that a site need not say', async () => {
    const config = await withNetwork({});
    assert.deepEqual(
      [config.stateDirectory, config.libvirtUri, config.transfer, config.resolvers],
      ['/var/lib/edgeboot', 'qemu:///system', { memoryMiB: 256 }, []],
    );
  });

  it('bounds the cache by sizes in GiB, or with a unit', async () => {
    assert.deepEqual(defaultConfig().cache, { maxBytes: undefined, keepFreeBytes: 1024 ** 3 });
    const { cache } = await read('cache: { maxSize: 200 GiB, keepFree: 0.5 }');
    assert.deepEqual(cache, { maxBytes: 200 * 1024 ** 3, keepFreeBytes: 1024 ** 3 / 2 });
    await assert.rejects(read('cache: { maxSize: much }'), invalid(/cache\.maxSize: must be a size/));
    await assert.rejects(read('cache: { keepFree: -1 }'), invalid(/cache\.keepFree: must be a size/));
    await assert.rejects(read('cache: { minFree: 1 }'), invalid(/minFree/));
  });

  it('names the other hosts of the site, and a key that nobody else may read', async () => {
    assert.equal(defaultConfig().peers, undefined);
    const keyFile = path.join(directory, 'site-key');
    const peers = { listen: '192.0.2.1:7070', addresses: ['192.0.2.2:7070', 'host3.example.org:7070'], keyFile };
    assert.deepEqual((await read(stringify({ peers }))).peers, peers);
    const withPeers = (changes: object) => read(stringify({ peers: { ...peers, ...changes } }));
    await assert.rejects(withPeers({ listen: 'host1:7070' }), invalid(/peers\.listen: must be ADDRESS:PORT/));
    await assert.rejects(withPeers({ addresses: ['host2'] }), invalid(/peers\.addresses\.0: must be HOST:PORT/));
    await assert.rejects(withPeers({ keyFile: 'key' }), invalid(/peers\.keyFile: must be an absolute path/));
    await assert.rejects(withPeers({ port: 1 }), invalid(/port/));

    await assert.rejects(readPeerKey(keyFile), invalid(/peers\.keyFile: .* cannot be read \(ENOENT\)/));
    await writeFile(keyFile, `${'5'.repeat(64)}\n`, { mode: 0o640 });
    await assert.rejects(readPeerKey(keyFile), invalid(/others than its owner/));
    await chmod(keyFile, 0o600);
    assert.equal((await readPeerKey(keyFile)).length, 64);
    await writeFile(keyFile, 'too short');
    await assert.rejects(readPeerKey(keyFile), invalid(/fewer than 32/));
  });

  it('offers further networks by name, each a bridge or one of libvirt’s', async () => {
    const offering = (extraNetworks: object) => read(stringify({ extraNetworks }));
    const { extraNetworks } = await offering({
      storage: { bridge: 'br-storage', firstAddress: '10.5.0.10/24' },
      lan: { libvirtNetwork: 'lan' },
    });
    assert.deepEqual(extraNetworks, {
      storage: { link: { kind: 'bridge', name: 'br-storage' }, firstAddress: '10.5.0.10/24' },
      lan: { link: { kind: 'libvirt-network', name: 'lan' }, firstAddress: undefined },
    });
    await assert.rejects(offering({ lan: {} }), invalid(/extraNetworks\.lan: name either/));
    await assert.rejects(offering({ private: { bridge: 'br0' } }), invalid(/extraNetworks.*cluster's own/));
  });

  it('is refused, naming the setting', async () => {
    await assert.rejects(readConfig(path.join(directory, 'missing.yaml')), invalid(/missing\.yaml/));
    await assert.rejects(read('a: [1'), invalid(/is not YAML/));
    assert.throws(() => requireFederation(defaultConfig()), invalid(/no apiUrl/));
    await assert.rejects(withNetwork({}, { conections: 8 }), invalid(/conections/));
    await assert.rejects(withNetwork({}, { connections: 0 }), invalid(/connections/));
    await assert.rejects(withNetwork({}, { apiUrl: 'http://api.example.org' }), invalid(/apiUrl: must be https/));
    await assert.rejects(withNetwork({ domain: 'a;b' }), invalid(/domain/));
  });

  it('keeps the pool of addresses sane', async () => {
    await assert.rejects(withNetwork({ lastAddress: '192.0.2.9' }), invalid(/must not come before/));
    await assert.rejects(
      withNetwork({ gateway: '192.0.2.15' }),
      invalid(/gateway: must not be an address of the pool/),
    );
    await assert.rejects(withNetwork({ gateway: '198.51.100.1' }), invalid(/netmask/));
    const everything = { firstAddress: '0.0.0.0', lastAddress: '255.255.255.255' };
    await assert.rejects(withNetwork(everything), invalid(/more than 65536/));
  });
});

describe('the public network', () => {
  const parse = (settings: unknown) => publicNetworkSchema(['127.0.0.53', '::1', '192.0.2.53']).safeParse(settings);
  const refused = (settings: object, message: RegExp) => {
    const issues = parse(settings).error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    assert.match(issues?.join('; ') ?? 'accepted', message);
  };

  it('formats §6: is a pool of addresses, each with a name', () => {
    const names = { '192.0.2.11': 'hpc.example.org' };
    const pool = parse({ ...PUBLIC_NETWORK_SETTINGS, names }).data;
    assert.deepEqual(pool?.link, { kind: 'libvirt-network', name: 'public' });
    assert.deepEqual(pool.names, names);
    refused(
      { ...PUBLIC_NETWORK_SETTINGS, names: { '192.0.2.9': 'a.example.org' } },
      /names: 192.0.2.9 is not an address/,
    );
    refused({ ...PUBLIC_NETWORK_SETTINGS, names: { '192.0.2.10': 'a$(b)' } }, /names/);
    const sameName = { '192.0.2.10': 'hpc.example.org', '192.0.2.11': 'hpc.example.com' };
    refused({ ...PUBLIC_NETWORK_SETTINGS, names: sameName }, /names: must differ before the first dot/);
    const nameOfAnother = { '192.0.2.10': 'vc-192-0-2-11.example.org' };
    refused({ ...PUBLIC_NETWORK_SETTINGS, names: nameOfAnother }, /names: vc-192-0-2-11 is what another address is/);
    const ownName = { '192.0.2.10': 'vc-192-0-2-10.example.com' };
    assert.deepEqual(parse({ ...PUBLIC_NETWORK_SETTINGS, names: ownName }).data?.names, ownName);
    refused({ ...PUBLIC_NETWORK_SETTINGS, bridge: 'br0' }, /either libvirtNetwork or bridge/);
    refused({ ...PUBLIC_NETWORK_SETTINGS, userDataFirstAddress: '192.0.2.15' }, /userDataFirstAddress/);
  });

  it('is NAT behind this host unless the operator says otherwise, with the DNS servers that guests can reach', () => {
    const { publicNetwork } = defaultConfig();
    assert.deepEqual(publicNetwork.link, { kind: 'bridge', name: 'edgeboot-nat' });
    const nat = parse({ nat: { subnet: '10.9.8.0/24' } }).data;
    assert.deepEqual(
      [nat?.gateway, nat?.firstAddress, nat?.lastAddress, nat?.userDataFirstAddress, nat?.dnsServers],
      ['10.9.8.1', '10.9.8.10', '10.9.8.126', '10.9.8.138', ['192.0.2.53']],
    );
    refused({ nat: { subnet: '10.0.0.0/8' } }, /must be a \/16 to \/27/);
    refused({ nat: { bridge: 'a-very-long-name' } }, /bridge/);
  });
});

describe("the agent's identity", () => {
  it('is kept for its owner alone, and read back', async () => {
    const { privateKeyPem, publicKeyPem } = newKeyPair();
    const identity = { siteId: 'naist', agentId: 'a', privateKeyPem, rootPublicKeyPem: publicKeyPem, audience: 'api' };
    await writeIdentity(directory, identity);
    assert.deepEqual(await readIdentity(directory), identity);
    assert.equal((await stat(path.join(directory, 'identity.json'))).mode & 0o777, 0o600);
  });

  it('that is damaged is refused without a word of its content', async () => {
    await writeFile(path.join(directory, 'identity.json'), '{"privateKeyPem": "SECRET');
    await assert.rejects(readIdentity(directory), (error: Error) => {
      assert.equal((error as Error & { code?: string }).code, 'INVALID_CONFIG');
      return !`${error.message}${String(error.cause)}`.includes('SECRET');
    });
  });
});

describe('durable files', () => {
  it('are replaced by many at once, and hold one writer’s content whole', async () => {
    const file = path.join(directory, 'shared.json');
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000));
    await Promise.all(contents.map((content) => replaceFile(file, Buffer.from(content))));
    assert.ok(contents.includes(await readFile(file, 'utf8')));
    assert.deepEqual(
      (await readdir(directory)).filter((name) => name.endsWith('.new')),
      [],
    );
  });

  it('lie in directories whose mode does not depend on the umask', async () => {
    const umask = process.umask(0o077);
    try {
      await ensureDirectory(path.join(directory, 'a/b'), 0o711);
      assert.equal((await stat(path.join(directory, 'a/b'))).mode & 0o777, 0o711);
    } finally {
      process.umask(umask);
    }
  });
});
