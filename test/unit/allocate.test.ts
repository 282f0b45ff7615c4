import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ulid } from 'ulid';
import { allocateCluster, freeCapacity, type SiteResources } from '../../edge-agent/core/allocate.ts';
import { addressOf, addressRange, numberOf } from '../../edge-agent/core/ipv4.ts';
import { type ClusterPlan, clusterPlanSchema } from '../../edge-agent/core/plan-cluster.ts';
import { SSH_KEY } from '../helpers/model-samples.ts';

const RESOURCES: SiteResources = {
  cpus: 8,
  memoryMiB: 4096,
  publicNetwork: {
    link: { kind: 'libvirt-network', name: 'public' },
    firstAddress: '192.0.2.10',
    lastAddress: '192.0.2.11',
    netmask: '255.255.255.0',
    gateway: '192.0.2.1',
    dnsServers: ['192.0.2.53'],
    domain: 'naist.example.org',
    names: { '192.0.2.11': 'hpc.example.org' },
    userDataFirstAddress: '192.0.2.210',
    nat: undefined,
  },
};
const wish = (computes: number) => ({
  siteId: 'naist',
  deploymentId: ulid(),
  imageName: 'hpc-base',
  computeCpus: Array.from({ length: computes }, () => 1),
  memoryMiB: { frontend: 512, compute: 256 },
  sshPublicKeys: [SSH_KEY],
});
const noCapacity = { name: 'EdgebootError', code: 'NO_CAPACITY' };

describe('IPv4 ranges', () => {
  it('count across octets and beyond 2^31', () => {
    assert.deepEqual(addressRange('10.0.0.254', '10.0.1.1'), ['10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1']);
    assert.equal(addressOf(numberOf('203.0.113.255')), '203.0.113.255');
  });
});

describe('allocation', () => {
  it('formats §5: gives the addresses of the standard: frontend first, computes counting down from the top', () => {
    const plan = allocateCluster(wish(2), RESOURCES, []);
    assert.deepEqual(
      plan.nodes.map(({ name, privateAddress }) => [name, privateAddress]),
      [
        ['frontend', '10.1.1.1'],
        ['compute-0', '10.1.255.254'],
        ['compute-1', '10.1.255.253'],
      ],
    );
    assert.equal(plan.publicAddress, '192.0.2.10');
    assert.equal(plan.fqdn, 'vc-192-0-2-10.naist.example.org');
    assert.deepEqual(clusterPlanSchema.parse(plan), plan);
  });

  it('passes over addresses that others use without leave, and says so when none is left', () => {
    assert.equal(allocateCluster(wish(0), RESOURCES, [], new Set(['192.0.2.10'])).fqdn, 'hpc.example.org');
    const all = new Set(['192.0.2.10', '192.0.2.11']);
    assert.throws(() => allocateCluster(wish(0), RESOURCES, [], all), { ...noCapacity, message: /others use 192/ });
  });

  it('serves user data from an address of its own for each cluster', () => {
    const [first, second] = [wish(0), wish(0)].map((one, i) =>
      allocateCluster(one, RESOURCES, [], new Set(i === 0 ? [] : ['192.0.2.10'])),
    );
    assert.equal(first?.publicNetwork.userDataAddress, '192.0.2.210');
    assert.equal(second?.publicNetwork.userDataAddress, '192.0.2.211');
  });

  it('plans the same deployment the same, and no two clusters with one MAC address', () => {
    const one = wish(3);
    assert.deepEqual(allocateCluster(one, RESOURCES, []), allocateCluster(one, RESOURCES, []));
    const macs = [one, wish(3), wish(3)].flatMap((each) =>
      allocateCluster(each, RESOURCES, []).nodes.flatMap((node) => [
        node.privateMacAddress,
        node.publicMacAddress ?? [],
      ]),
    );
    assert.equal(new Set(macs.flat()).size, 15);
    for (const mac of macs.flat()) assert.match(mac, /^02(:[0-9a-f]{2}){5}$/);
  });

  it('fault 62: uses each public address once, and refuses when none is left', () => {
    const taken: ClusterPlan[] = [];
    taken.push(allocateCluster(wish(0), RESOURCES, taken));
    taken.push(allocateCluster(wish(0), RESOURCES, taken));
    assert.deepEqual(
      taken.map(({ publicAddress }) => publicAddress),
      ['192.0.2.10', '192.0.2.11'],
    );
    assert.throws(() => allocateCluster(wish(0), RESOURCES, taken), noCapacity);
    assert.equal(allocateCluster(wish(0), RESOURCES, taken.slice(1)).publicAddress, '192.0.2.10');
  });

  it('refuses computes beyond the capacity, naming what is wanted and free', () => {
    assert.throws(() => allocateCluster(wish(9), RESOURCES, []), { ...noCapacity, message: /9 CPUs.*8 CPUs/ });
    const big = { ...wish(1), memoryMiB: { frontend: 4096, compute: 256 } };
    assert.throws(() => allocateCluster(big, RESOURCES, []), { ...noCapacity, message: /4352 MiB.*4096 MiB/ });
  });

  it('says what is free', () => {
    const plan = allocateCluster(wish(2), RESOURCES, []);
    assert.deepEqual(freeCapacity(RESOURCES, [plan]), { cpus: 6, memoryMiB: 3072, publicAddresses: 1 });
  });
});
