/** What a plan is made of: CPUs, private networks, extra interfaces. Formats, sections 2, 5 and 6. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { interfacesOf } from '../../edge-agent/core/cluster-interfaces.ts';
import { divideCpus } from '../../edge-agent/core/divide-cpus.ts';
import { parseExtraNetworks, planExtraInterfaces } from '../../edge-agent/core/extra-interfaces.ts';
import { clusterName, demandOf, planCluster } from '../../edge-agent/core/plan-cluster.ts';
import { computeAddresses, planPrivateNetwork } from '../../edge-agent/core/private-network.ts';
import { PUBLIC_NETWORK, SSH_KEY } from '../helpers/model-samples.ts';

const usage = { name: 'EdgebootError', code: 'USAGE' };
const WISH = {
  siteId: 'standalone',
  deploymentId: '01JDABCDEFGHJKMNPQRSTVWXYZ',
  imageName: 'Rocks_SGE.7',
  computeCpus: [4, 3],
  memoryMiB: { frontend: 2048, compute: 1024 },
  sshPublicKeys: [SSH_KEY],
};
const linkOf = (name: string) => ({ kind: 'bridge', name }) as const;

describe('the CPU rule', () => {
  it('formats §6: 0 CPUs is a frontend only; on one host one compute takes all that are wanted', () => {
    assert.deepEqual(divideCpus(0), []);
    assert.deepEqual(divideCpus(8), [8]);
  });

  it('formats §6: sizes may differ', () => {
    assert.deepEqual(divideCpus(7, 3), [3, 2, 2]);
    assert.throws(() => divideCpus(2, 3), usage);
    assert.throws(() => divideCpus(2, 0), usage);
    assert.deepEqual(divideCpus(0, 0), []);
  });

  it('formats §6: the frontend is not counted', () => {
    const plan = planCluster(WISH, '192.0.2.10', PUBLIC_NETWORK);
    assert.deepEqual(demandOf(plan), { cpus: 7, memoryMiB: 4096 });
  });
});

describe('the private network', () => {
  it('formats §5: the frontend is the first host, computes count down from the top', () => {
    const network = planPrivateNetwork({ address: '10.1.1.1', netmask: '255.255.0.0' });
    assert.deepEqual(computeAddresses(network, 3), ['10.1.255.254', '10.1.255.253', '10.1.255.252']);
  });

  it('formats §2: is the one that the description names', () => {
    const network = planPrivateNetwork({ address: '192.168.7.1', netmask: '255.255.255.248' });
    assert.deepEqual(network, {
      netmask: '255.255.255.248',
      frontendAddress: '192.168.7.1',
      inquiryAddress: '192.168.7.2',
      serverAddress: '192.168.7.3',
    });
    assert.deepEqual(computeAddresses(network, 3), ['192.168.7.6', '192.168.7.5', '192.168.7.4']);
    assert.throws(() => computeAddresses(network, 4), { code: 'NO_CAPACITY' });
    const top = planPrivateNetwork({ address: '10.0.0.254', netmask: '255.255.255.0' });
    assert.deepEqual(computeAddresses(top, 1), ['10.0.0.253']);
  });

  it('is refused where the description names none', () => {
    for (const [address, netmask] of [
      ['10.1.1.0', '255.255.255.0'],
      ['10.1.1.255', '255.255.255.0'],
      ['10.1.1.1', '255.0.255.0'],
      ['10.1.1.1', '255.255.255.254'],
    ] as const) {
      assert.throws(() => planPrivateNetwork({ address, netmask }), { code: 'IMAGE_NOT_COMPLIANT' });
    }
  });
});

describe('the interfaces', () => {
  it('formats §1: a frontend has two, private first and public second; a compute has its private one', () => {
    const plan = planCluster(WISH, '192.0.2.10', PUBLIC_NETWORK);
    const [frontend, compute] = plan.nodes.map((node) => interfacesOf(plan, node));
    assert.deepEqual(
      frontend?.map(({ link }) => link),
      [{ kind: 'private' }, PUBLIC_NETWORK.link],
    );
    assert.deepEqual(
      compute?.map(({ link }) => link),
      [{ kind: 'private' }],
    );
  });
});

describe('extra interfaces', () => {
  it('formats §6: net[:cidr],… on the frontend and every compute, addresses counted from the CIDR', () => {
    const networks = parseExtraNetworks('storage:10.5.0.0/24,backup');
    const extraInterfaces = planExtraInterfaces(networks, 3, linkOf, []);
    const plan = planCluster({ ...WISH, extraInterfaces }, '192.0.2.10', PUBLIC_NETWORK);
    assert.deepEqual(
      plan.nodes.map((node) =>
        node.extraInterfaces.map(({ network, address, netmask }) => [network, address, netmask]),
      ),
      ['10.5.0.1', '10.5.0.2', '10.5.0.3'].map((address) => [
        ['storage', address, '255.255.255.0'],
        ['backup', undefined, undefined],
      ]),
    );
    const macs = plan.nodes.flatMap((node) => node.extraInterfaces.map((one) => one.macAddress));
    assert.equal(new Set(macs).size, 6);

    const second = planExtraInterfaces(networks, 1, linkOf, [plan]);
    assert.equal(
      second[0]?.(0).address,
      '10.5.0.4',
      'another cluster on the same network goes on where this one ended',
    );
    const given = planExtraInterfaces(parseExtraNetworks('storage:10.5.0.77/24'), 1, linkOf, []);
    assert.equal(given[0]?.(0).address, '10.5.0.77');
    assert.throws(() => planExtraInterfaces(parseExtraNetworks('s:10.5.0.0/30'), 3, linkOf, []), {
      code: 'NO_CAPACITY',
    });
  });

  it('are refused where the list is not right', () => {
    for (const text of [
      '',
      'a:b',
      'a:10.0.0.0/33',
      'private',
      'public:10.0.0.0/8',
      'a,a',
      'a;b',
      'UP',
      'a:1.2.3.4/24:x',
    ]) {
      assert.throws(() => parseExtraNetworks(text), usage, text);
    }
  });
});

describe('names', () => {
  it("formats §6: the cluster's name is the frontend's short host name, not the image's", () => {
    const names = { '192.0.2.10': 'vc1.example.org' };
    const plan = planCluster(WISH, '192.0.2.10', { ...PUBLIC_NETWORK, names });
    assert.equal(clusterName(plan), 'vc1');
    assert.equal(clusterName(planCluster(WISH, '192.0.2.11', PUBLIC_NETWORK)), 'vc-192-0-2-11');
  });
});
