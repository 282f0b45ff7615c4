/** Which bases clusters need, as the journal has it. Pure. */
import path from 'node:path';
import { clusterName } from '../core/plan-cluster.ts';
import type { JournalEntry } from '../ports.ts';
import type { BaseNeed } from './survey.ts';

export function needsOf(
  entries: readonly Pick<JournalEntry, 'deploymentId' | 'plan' | 'bases' | 'local'>[],
): BaseNeed[] {
  return entries.flatMap(({ deploymentId, plan, bases = [], local }) => {
    const disks = Object.values(local?.disks ?? {}).filter((file) => file !== undefined);
    const needed = new Set([...bases, ...disks.map((file) => path.basename(path.dirname(file)))]);
    return [...needed].map((base) => ({ base, deploymentId, cluster: clusterName(plan) }));
  });
}
