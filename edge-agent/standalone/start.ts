/** Turns a cluster on again after a shutdown, or after this host was restarted. */
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { BaseFolder } from '../cache/base-folder.ts';
import { type ClusterPlan, seedFileOf } from '../core/plan-cluster.ts';
import { statIfThere } from '../durable-files.ts';
import type { ClusterFiles, LocalCluster, NodePlan } from '../ports.ts';
import type { Work } from '../run.ts';
import { bootCluster, type BootPorts } from '../steps/boot-cluster.ts';
import { nodePlan } from '../steps/personalize.ts';
import { type ClusterPorts, findOwnCluster } from './clusters.ts';

export type StartPorts = ClusterPorts & BootPorts & { readonly clusterFiles: ClusterFiles };

/** Throws NOT_FOUND, FORBIDDEN, CONFLICT where the cluster was never completed; what booting throws. */
export async function start(name: string, work: Work, ports: StartPorts): Promise<ClusterPlan> {
  const { plan, local } = await findOwnCluster(name, ports);
  for (const disk of Object.values(local.disks ?? {})) {
    if (disk !== undefined) await new BaseFolder(path.dirname(disk)).markUsed();
  }
  await bootCluster(plan, await nodesOf(plan, local, ports), work, ports);
  return plan;
}

async function nodesOf(plan: ClusterPlan, { disks }: LocalCluster, { clusterFiles }: StartPorts): Promise<NodePlan[]> {
  const directory = clusterFiles.directoryOf(plan.deploymentId);
  const fetched = { diskOf: (role: 'frontend' | 'compute') => disks?.[role] ?? '' };
  const nodes = plan.nodes.map((node) => nodePlan(plan, node, fetched, directory));
  return Promise.all(
    nodes.map(async (node) => {
      if ((await statIfThere(node.overlayFile)) === undefined) throw incomplete(node);
      const seedFile = seedFileOf(directory, node.name);
      return (await statIfThere(seedFile)) !== undefined ? { ...node, seedFile } : node;
    }),
  );
}

function incomplete({ name }: NodePlan): EdgebootError {
  return new EdgebootError('CONFLICT', `the disk of ${name} was never made: an interrupted boot left the cluster so`, {
    remedy: 'Remove it with edgeboot-agent clean, then boot it anew.',
  });
}
