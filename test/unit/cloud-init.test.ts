/** The NoCloud seed, read back as cloud-init reads it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { cloudInitSeed } from '../../edge-agent/core/cloud-init.ts';
import { parseExtraNetworks, planExtraInterfaces } from '../../edge-agent/core/extra-interfaces.ts';
import { planCluster } from '../../edge-agent/core/plan-cluster.ts';
import { PUBLIC_NETWORK, SSH_KEY } from '../helpers/model-samples.ts';

const KEY = { privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n', publicKey: `${SSH_KEY} of the cluster` };
const extraInterfaces = planExtraInterfaces(
  parseExtraNetworks('storage:10.5.0.0/24,bare'),
  3,
  (name) => ({ kind: 'bridge', name }),
  [],
);
const plan = planCluster(
  {
    siteId: 'standalone',
    deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ',
    imageName: 'debian',
    computeCpus: [2, 1],
    memoryMiB: { frontend: 512, compute: 512 },
    sshPublicKeys: [SSH_KEY],
    extraInterfaces,
  },
  '192.0.2.10',
  PUBLIC_NETWORK,
);
const [frontend, compute] = plan.nodes;
if (frontend === undefined || compute === undefined) throw new Error('two nodes at least');

interface UserData {
  readonly hostname: string;
  readonly fqdn?: string;
  readonly disable_root: boolean;
  readonly bootcmd?: readonly string[];
  readonly users: readonly { readonly name: string; readonly ssh_authorized_keys: readonly string[] }[];
  readonly write_files: readonly { readonly path: string; readonly content: string; readonly permissions: string }[];
}

test("the frontend's seed makes the same cluster as its document", () => {
  const { metaData, userData, networkConfig } = cloudInitSeed(plan, frontend, KEY);
  assert.deepEqual(parse(metaData), {
    'instance-id': '01JDABCDEFGHJKMNPQRSTVWXYZ-frontend',
    'local-hostname': 'vc-192-0-2-10',
  });
  assert.match(userData, /^#cloud-config\n/);
  const data = parse(userData) as UserData;
  assert.equal(data.fqdn, 'vc-192-0-2-10.naist.example.org');
  assert.deepEqual(data.users, [{ name: 'root', ssh_authorized_keys: [SSH_KEY] }]);
  const file = (name: RegExp) => data.write_files.find(({ path }) => name.test(path));
  assert.match(file(/hosts/)?.content ?? '', /^10\.1\.1\.1 vc-192-0-2-10 vc-192-0-2-10\.naist\.example\.org$/m);
  assert.match(file(/hosts/)?.content ?? '', /^10\.1\.255\.253 compute-1$/m);
  assert.match(data.bootcmd?.join('\n') ?? '', /compute-0 compute-0 compute-1 > \/tmp\/machinefile/);
  assert.match(file(/per-boot/)?.content ?? '', /^#!\/bin\/sh\n.*echo READY/);
  assert.deepEqual([file(/cluster-key/)?.content, file(/cluster-key/)?.permissions], [KEY.privateKey, '0600']);
  assert.deepEqual(parse(networkConfig), {
    version: 2,
    ethernets: {
      private: { match: { macaddress: frontend.privateMacAddress }, addresses: ['10.1.1.1/16'] },
      public: {
        match: { macaddress: frontend.publicMacAddress },
        addresses: ['192.0.2.10/24'],
        routes: [{ to: '0.0.0.0/0', via: '192.0.2.1' }],
        nameservers: { addresses: ['192.0.2.53'] },
      },
      storage: { match: { macaddress: frontend.extraInterfaces[0]?.macAddress }, addresses: ['10.5.0.1/24'] },
    },
  });
});

test('a compute trusts its frontend, finds its gateway in it, and holds no private key', () => {
  const { metaData, userData, networkConfig } = cloudInitSeed(plan, compute, KEY);
  assert.notEqual(metaData, cloudInitSeed(plan, frontend, KEY).metaData, 'an instance-id of its own');
  const data = parse(userData) as UserData;
  assert.equal(data.hostname, 'compute-0');
  assert.deepEqual(data.users[0]?.ssh_authorized_keys, [SSH_KEY, KEY.publicKey]);
  assert.doesNotMatch(userData, /PRIVATE KEY|machinefile/);
  assert.match(networkConfig, /via: 10\.1\.1\.1/);
});
