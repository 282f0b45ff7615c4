/**
 * The wish is that a cluster that runs have more computes, or fewer. The frontend and the computes that stay run on:
 *
 *   fewer: tell the frontend → stop and remove the last ones
 *   more:  allocate → fetch (what is not here) → personalize → boot → tell the frontend
 *
 * Every step may be done twice: after a crash the whole begins again.
 */
import type { Failure } from '#shared/deployment.ts';
import type { ClusterPlan, PlannedNode } from './core/plan-cluster.ts';
import type { JournalEntry } from './ports.ts';
import type { Run } from './run.ts';
import { awaitReady, type BootPorts, openUserData, startNodes } from './steps/boot-cluster.ts';
import { fetchImage, type FetchPorts } from './steps/fetch-image.ts';
import type { FetchedImage } from './steps/fetched-image.ts';
import { addComputes, dropFresh, type FreshComputesPorts, removeComputes } from './steps/fresh-computes.ts';
import { type DocumentEffect, giveDocument, type GiveDocumentPorts } from './steps/give-document.ts';
import { ownNodes, type OwnNodesPorts, requireEntry } from './steps/own-entry.ts';
import { personalize } from './steps/personalize.ts';
import { deployedNodes, NOTHING_FETCHED, reportPhase, reportRunning } from './steps/report-status.ts';
import { runningNodes } from './steps/running-nodes.ts';
import { SHUTDOWN_GRACE_SECONDS } from './stop.ts';

export type ScalePorts = FreshComputesPorts & FetchPorts & GiveDocumentPorts & BootPorts & OwnNodesPorts;

/** Throws NO_CAPACITY; CONFLICT where something of the cluster is gone; what fetching and booting throw. */
export async function scale(run: Run, ports: ScalePorts): Promise<void> {
  await reportPhase('SCALING', run, ports);
  const { deploymentId, desired } = run.job.deployment;
  const before = await requireEntry(deploymentId, ports.journal);
  const change = before.plan.nodes.length > 1 + desired.computes ? removeLast : addComputes;
  const entry = await change(before, run, ports);
  const image = entry.fresh?.length ? await bootFresh(entry, run, ports) : NOTHING_FETCHED;
  await reportRunning(entry.plan, image, run, ports);
}

/** What could not be added goes; the cluster runs on as it was. */
export async function giveUpScale(failure: Failure, run: Run, ports: ScalePorts): Promise<void> {
  const { deploymentId, nodes = [] } = run.job.deployment;
  const entry = await ports.journal.read(deploymentId);
  const left = entry && (await dropFresh(entry, run.signal, ports));
  await reportPhase('RUNNING', run, ports, { failure, nodes: left ? deployedNodes(left.plan) : nodes });
}

/** The frontend is told first: it should send no work to those that go. */
async function removeLast(entry: JournalEntry, run: Run, ports: ScalePorts): Promise<JournalEntry> {
  const staying = 1 + run.job.deployment.desired.computes;
  const plan = { ...entry.plan, nodes: entry.plan.nodes.slice(0, staying) };
  await openUserData(plan, ports);
  const frontendIsStale = !(await tellFrontend(plan, run, ports));
  run.signal.throwIfAborted();
  const isSurplus = (node: PlannedNode): boolean => !plan.nodes.includes(node);
  return run.stopwatch.time('stop computes', () =>
    removeComputes({ ...entry, frontendIsStale }, isSurplus, SHUTDOWN_GRACE_SECONDS, run.signal, ports),
  );
}

/** They are fresh until the frontend knows of them. */
async function bootFresh({ plan, fresh = [] }: JournalEntry, run: Run, ports: ScalePorts): Promise<FetchedImage> {
  const isNew = ({ name }: PlannedNode): boolean => fresh.includes(name);
  const image = await fetchImage('SCALING', run, ports);
  // One that an interrupted attempt has booted has its disk open.
  await ports.hypervisor.removeNodes(plan, fresh, 0, run.signal);
  const further = await personalize(plan, image, run, ports, plan.nodes.filter(isNew));

  const entry = await requireEntry(plan.deploymentId, ports.journal);
  const staying = plan.nodes.filter((node) => !isNew(node));
  const nodes = [...(await ownNodes(entry, staying, ports)), ...further];
  await startNodes(plan, nodes, run, ports);
  await awaitReady(plan, further, run, ports);
  const frontendIsStale = !(await tellFrontend(plan, run, ports));
  await ports.journal.write({ ...entry, fresh: [], frontendIsStale });
  return image;
}

/** False where it reads of it at its next boot only: start.ts sees to that. */
async function tellFrontend(plan: ClusterPlan, run: Run, ports: ScalePorts): Promise<boolean> {
  const [frontend] = plan.nodes;
  if (frontend === undefined) throw new Error('a plan begins with its frontend');
  const isOn = (await runningNodes(plan, ports)).has(frontend.name);
  const tell = (): Promise<DocumentEffect> => giveDocument(plan, frontend, isOn, run.signal, ports);
  return (await run.stopwatch.time('tell the frontend', tell)) !== 'unheard';
}
