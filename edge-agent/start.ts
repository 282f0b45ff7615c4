/**
 * The wish is that a cluster that has run be on: its nodes are booted again, on their own disks. Every step may be done twice: after a
 * crash the whole begins again.
 */
import type { Failure } from '#shared/deployment.ts';
import type { JournalEntry } from './ports.ts';
import type { Run } from './run.ts';
import { bootCluster, type BootPorts } from './steps/boot-cluster.ts';
import { dropFresh, type FreshComputesPorts } from './steps/fresh-computes.ts';
import { giveDocument, type GiveDocumentPorts } from './steps/give-document.ts';
import { ownNodes, type OwnNodesPorts, requireEntry } from './steps/own-entry.ts';
import { deployedNodes, NOTHING_FETCHED, reportPhase, reportRunning, type ReportPorts } from './steps/report-status.ts';
import { runningNodes } from './steps/running-nodes.ts';
import { SHUTDOWN_GRACE_SECONDS } from './stop.ts';

export type StartPorts = BootPorts & ReportPorts & FreshComputesPorts & GiveDocumentPorts & OwnNodesPorts;

/** Throws CONFLICT where something of the cluster is gone; what booting throws. */
export async function start(run: Run, ports: StartPorts): Promise<void> {
  await reportPhase('BOOTING', run, ports);
  const entry = await dropFresh(await requireEntry(run.job.deployment.deploymentId, ports.journal), run.signal, ports);
  const nodes = await ownNodes(entry, entry.plan.nodes, ports);
  if (entry.frontendIsStale) await refreshFrontend(entry, run, ports);
  await bootCluster(entry.plan, nodes, run, ports);
  await reportRunning(entry.plan, NOTHING_FETCHED, run, ports);
}

/** It did not hear of the computes that came or went while it ran. Where it is on already, it still does not. */
async function refreshFrontend(entry: JournalEntry, { signal }: Run, ports: StartPorts): Promise<void> {
  const { plan } = entry;
  const [frontend] = plan.nodes;
  if (frontend === undefined || (await runningNodes(plan, ports)).has(frontend.name)) return;
  await giveDocument(plan, frontend, false, signal, ports);
  await ports.journal.write({ ...entry, frontendIsStale: false });
}

/** A start that failed costs the member no disk: the cluster is off again, and may be started later. */
export async function giveUpStart(failure: Failure, run: Run, ports: StartPorts): Promise<void> {
  const { deployment } = run.job;
  await ports.hypervisor.stop(deployment, SHUTDOWN_GRACE_SECONDS, run.signal);
  const entry = await ports.journal.read(deployment.deploymentId);
  await reportPhase('STOPPED', run, ports, { failure, ...(entry && { nodes: deployedNodes(entry.plan) }) });
}
