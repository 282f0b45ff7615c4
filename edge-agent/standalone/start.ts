/** Turns a cluster on again after a shutdown, or after this host was restarted. */
import path from 'node:path';
import { BaseFolder } from '../cache/base-folder.ts';
import { type ClusterPlan, seedFileOf } from '../core/plan-cluster.ts';
import { statIfThere } from '../durable-files.ts';
import type { ClusterFiles, NodePlan } from '../ports.ts';
import type { Work } from '../run.ts';
import { bootCluster, type BootPorts } from '../steps/boot-cluster.ts';
import { nodePlan } from '../steps/personalize.ts';
import type { ClusterPorts } from './clusters.ts';
import { type HoldPorts, holdOwnCluster, type OwnCluster } from './hold-cluster.ts';
import { incomplete, requireDisks } from './whole-cluster.ts';

export type StartPorts = ClusterPorts & HoldPorts & BootPorts & { readonly clusterFiles: ClusterFiles };

/** Throws NOT_FOUND, FORBIDDEN, CONFLICT where the cluster was never completed or another command works on it; what booting throws. */
export async function start(name: string, work: Work, ports: StartPorts): Promise<ClusterPlan> {
  await using held = await holdOwnCluster(name, ports);
  const { plan } = held.cluster;
  await bootCluster(plan, await nodesOf(held.cluster, ports), work, ports);
  return plan;
}

async function nodesOf(cluster: OwnCluster, { clusterFiles }: StartPorts): Promise<NodePlan[]> {
  const { plan } = cluster;
  const disks = requireDisks(cluster);
  for (const disk of new Set([disks.frontend, disks.compute ?? disks.frontend])) {
    await new BaseFolder(path.dirname(disk)).markUsed();
  }
  const directory = clusterFiles.directoryOf(plan.deploymentId);
  const fetched = { diskOf: (role: 'frontend' | 'compute') => disks[role] ?? disks.frontend };
  const nodes = plan.nodes.map((node) => nodePlan(plan, node, fetched, directory));
  return Promise.all(
    nodes.map(async (node) => {
      if ((await statIfThere(node.overlayFile)) === undefined)
        throw incomplete(plan, `the disk of ${node.name} is gone`);
      const seedFile = seedFileOf(directory, node.name);
      return (await statIfThere(seedFile)) !== undefined ? { ...node, seedFile } : node;
    }),
  );
}
