/** A planned node's interfaces, in the guest's order: private first, public (frontend only) second, then the extra ones. */
import type { NodeInterface } from '../ports.ts';
import type { ClusterPlan, PlannedNode } from './plan-cluster.ts';

export function interfacesOf(plan: Pick<ClusterPlan, 'publicNetwork'>, node: PlannedNode): NodeInterface[] {
  const { privateMacAddress, publicMacAddress, extraInterfaces } = node;
  return [
    { macAddress: privateMacAddress, link: { kind: 'private' } },
    ...(publicMacAddress === undefined ? [] : [{ macAddress: publicMacAddress, link: plan.publicNetwork.link }]),
    ...extraInterfaces.map(({ macAddress, link }) => ({ macAddress, link })),
  ];
}
