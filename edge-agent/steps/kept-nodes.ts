/** The nodes of a cluster that is off, ready to boot again: as they were personalized once, on the disks that they have. */
import path from 'node:path';
import type { EdgebootError } from '#shared/errors.ts';
import { BaseFolder } from '../cache/base-folder.ts';
import { type ClusterPlan, type PlannedNode, seedFileOf } from '../core/plan-cluster.ts';
import { statIfThere } from '../durable-files.ts';
import type { NodePlan } from '../ports.ts';
import type { FetchedDisks } from './fetched-image.ts';
import { nodePlan } from './personalize.ts';

/** These of them. Throws what `incomplete` makes where a disk is gone. The bases count as used now. */
export async function keptNodes(
  plan: ClusterPlan,
  planned: readonly PlannedNode[],
  disks: FetchedDisks,
  directory: string,
  incomplete: (why: string) => EdgebootError,
): Promise<NodePlan[]> {
  const nodes = planned.map((node) => nodePlan(plan, node, disks, directory));
  for (const disk of new Set(nodes.map(({ backingFile }) => backingFile))) {
    await new BaseFolder(path.dirname(disk)).markUsed();
  }
  return Promise.all(
    nodes.map(async (node) => {
      if ((await statIfThere(node.overlayFile)) === undefined) throw incomplete(`the disk of ${node.name} is gone`);
      const seedFile = seedFileOf(directory, node.name);
      return (await statIfThere(seedFile)) !== undefined ? { ...node, seedFile } : node;
    }),
  );
}
