/**
 * Computes that come and go while their cluster runs. Those that were added and are not up yet are `fresh` in the journal, from before
 * anything of theirs is made: after a crash they are made anew, or go; the disks of all others are their member's.
 */
import { rm } from 'node:fs/promises';
import { requireCapacity, type SiteResources } from '../core/allocate.ts';
import { type ClusterPlan, nodeFiles, type PlannedNode, scalePlan, seedFileOf } from '../core/plan-cluster.ts';
import type { ClusterFiles, HypervisorDriver, Journal, JournalEntry } from '../ports.ts';
import type { Run } from '../run.ts';
import { planRequest } from './plan-request.ts';

export interface FreshComputesPorts {
  readonly journal: Journal;
  readonly clusterFiles: ClusterFiles;
  readonly hypervisor: HypervisorDriver;
  readonly resources: SiteResources;
  readonly allocating: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Gives further computes, if any are wished, their place, durably, as `allocate` does. Throws NO_CAPACITY, FORBIDDEN. */
export async function addComputes(
  entry: JournalEntry,
  { job: { deployment }, signal }: Run,
  ports: FreshComputesPorts,
): Promise<JournalEntry> {
  if (entry.plan.nodes.length > deployment.desired.computes) return entry;
  return ports.allocating(async () => {
    signal.throwIfAborted();
    const { resources } = ports;
    const plans = (await ports.journal.list()).map((one) => one.plan);
    // Addresses that its own nodes hold are taken, too.
    const plan = scalePlan(entry.plan, planRequest(deployment, resources, plans), resources.publicNetwork);
    const added = plan.nodes.slice(entry.plan.nodes.length).map(({ name }) => name);
    const others = plans.filter(({ deploymentId }) => deploymentId !== entry.deploymentId);
    requireCapacity(plan, resources, others);
    const after = { ...entry, plan, fresh: [...(entry.fresh ?? []), ...added] };
    await ports.journal.write(after);
    return after;
  });
}

/** Those that are `surplus` go for good: asked to end well, if there is time, then their domains, their place, their disks. */
export async function removeComputes(
  entry: JournalEntry,
  isSurplus: (node: PlannedNode) => boolean,
  graceSeconds: number,
  signal: AbortSignal,
  ports: FreshComputesPorts,
): Promise<JournalEntry> {
  const surplus = entry.plan.nodes.filter(isSurplus).map(({ name }) => name);
  if (surplus.length === 0) return entry;
  await ports.hypervisor.removeNodes(entry.plan, surplus, graceSeconds, signal);
  const isGone = (name: string): boolean => surplus.includes(name);
  const plan: ClusterPlan = { ...entry.plan, nodes: entry.plan.nodes.filter(({ name }) => !isGone(name)) };
  const after = { ...entry, plan, fresh: (entry.fresh ?? []).filter((name) => !isGone(name)) };
  await ports.journal.write(after);
  const directory = ports.clusterFiles.directoryOf(entry.deploymentId);
  for (const name of surplus) {
    for (const file of [...Object.values(nodeFiles(directory, name)), seedFileOf(directory, name)]) {
      await rm(file, { force: true });
    }
  }
  return after;
}

/** An attempt to add computes is over: what it left half made goes. */
export async function dropFresh(
  entry: JournalEntry,
  signal: AbortSignal,
  ports: FreshComputesPorts,
): Promise<JournalEntry> {
  const { fresh = [] } = entry;
  return removeComputes(entry, ({ name }) => fresh.includes(name), 0, signal, ports);
}
