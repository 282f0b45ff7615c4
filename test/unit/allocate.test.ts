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
    libvirtNetwork: 'public',
    firstAddress: '192.0.2.10',
    lastAddress: '192.0.2.11',
    netmask: '255.255.255.0',
    gateway: '192.0.2.1',
    dnsServers: ['192.0.2.53'],
    domain: 'naist.example.org',
  },
};
const wish = (computes: number) => ({
  siteId: 'naist',
  deploymentId: ulid(),
  imageName: 'hpc-base',
  computes,
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
  it('gives the addresses of the standard: frontend first, computes counting down from the top', () => {
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

  it('uses each public address once, and refuses when none is left', () => {
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
    assert.throws(() => allocateCluster(wish(8), RESOURCES, []), { ...noCapacity, message: /9 CPUs.*8 CPUs/ });
    const big = { ...wish(1), memoryMiB: { frontend: 4096, compute: 256 } };
    assert.throws(() => allocateCluster(big, RESOURCES, []), { ...noCapacity, message: /4352 MiB.*4096 MiB/ });
  });

  it('says what is free', () => {
    const plan = allocateCluster(wish(2), RESOURCES, []);
    assert.deepEqual(freeCapacity(RESOURCES, [plan]), { cpus: 5, memoryMiB: 3072, publicAddresses: 1 });
  });
});
