/** Turns a cluster on again after a shutdown, or after this host was restarted. */
import type { ClusterPlan } from '../core/plan-cluster.ts';
import type { Work } from '../run.ts';
import { bootCluster, type BootPorts } from '../steps/boot-cluster.ts';
import { keptNodes } from '../steps/kept-nodes.ts';
import type { ClusterPorts } from './clusters.ts';
import { type HoldPorts, holdOwnCluster } from './hold-cluster.ts';
import { incomplete, requireDisks } from './whole-cluster.ts';

export type StartPorts = ClusterPorts & HoldPorts & BootPorts;

/** Throws NOT_FOUND, FORBIDDEN, CONFLICT where the cluster was never completed or another command works on it; what booting throws. */
export async function start(name: string, work: Work, ports: StartPorts): Promise<ClusterPlan> {
  await using held = await holdOwnCluster(name, ports);
  const { plan } = held.cluster;
  const disks = requireDisks(held.cluster);
  const fetched = { diskOf: (role: 'frontend' | 'compute') => disks[role] ?? disks.frontend };
  const directory = ports.clusterFiles.directoryOf(plan.deploymentId);
  const nodes = await keptNodes(plan, plan.nodes, fetched, directory, (why) => incomplete(plan, why));
  await bootCluster(plan, nodes, work, ports);
  return plan;
}
