/** What a deployment asks of its site, with the further networks that the site offers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planCluster, scalePlan } from '../../edge-agent/core/plan-cluster.ts';
import { planRequest } from '../../edge-agent/steps/plan-request.ts';
import { code } from '../helpers/control-plane.ts';
import { PUBLIC_NETWORK, sampleDeployment } from '../helpers/model-samples.ts';

const OFFERED = {
  extraNetworks: {
    storage: { link: { kind: 'bridge', name: 'br-storage' }, firstAddress: '10.5.0.10/24' },
    plain: { link: { kind: 'libvirt-network', name: 'lan' } },
  },
} as const;
const wishing = (computes: number, ...extraInterfaces: string[]) =>
  sampleDeployment({ extraInterfaces, desired: { power: 'on', computes, cpusPerCompute: 4, generation: 1 } });
const addresses = (plan: ReturnType<typeof planCluster>) =>
  plan.nodes.map(({ extraInterfaces }) =>
    extraInterfaces.map(({ network, address }) => `${network} ${address ?? '-'}`),
  );

describe('the plan of a deployment', () => {
  it('has computes of as many CPUs as are wished, and an interface in each network that is named', () => {
    const plan = planCluster(planRequest(wishing(1, 'storage', 'plain'), OFFERED, []), '192.0.2.10', PUBLIC_NETWORK);
    assert.deepEqual(
      plan.nodes.map(({ cpus }) => cpus),
      [1, 4],
    );
    assert.deepEqual(addresses(plan), [
      ['storage 10.5.0.10', 'plain -'],
      ['storage 10.5.0.11', 'plain -'],
    ]);
    assert.deepEqual(
      plan.nodes[0]?.extraInterfaces.map(({ link }) => link.name),
      ['br-storage', 'lan'],
    );
  });

  it('is refused in a network that the site does not offer, whatever the host has', () => {
    for (const name of ['br-storage', 'constructor']) {
      const message = `the site has no network ${name} for clusters; it has storage, plain`;
      assert.throws(() => planRequest(wishing(0, name), OFFERED, []), { ...code('FORBIDDEN'), message });
    }
    assert.throws(() => planRequest(wishing(0, 'storage'), {}, []), code('FORBIDDEN'));
  });

  it('scaled gives further computes addresses that nobody has, and leaves those that stay as they are', () => {
    const one = planCluster(planRequest(wishing(1, 'storage'), OFFERED, []), '192.0.2.10', PUBLIC_NETWORK);
    const other = planCluster(planRequest(wishing(0, 'storage'), OFFERED, [one]), '192.0.2.11', PUBLIC_NETWORK);
    assert.deepEqual(addresses(other), [['storage 10.5.0.12']]);
    const scaled = scalePlan(one, planRequest(wishing(2, 'storage'), OFFERED, [one, other]), PUBLIC_NETWORK);
    assert.deepEqual(scaled.nodes.slice(0, 2), one.nodes);
    const [added = ''] = addresses(scaled)[2] ?? [];
    assert.equal(new Set([...addresses(scaled), ...addresses(other)].flat()).size, 4, added);
  });
});
