/**
 * The wish is that a cluster that has run be on: its nodes are booted again, on their own disks. Every step may be done twice: after a
 * crash the whole begins again.
 */
import type { ImageCache } from './cache/image-cache.ts';
import type { Failure } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { JournalEntry } from './ports.ts';
import type { Run } from './run.ts';
import { bootCluster, type BootPorts } from './steps/boot-cluster.ts';
import { diskFiles, type FetchedDisks } from './steps/fetched-image.ts';
import { keptNodes } from './steps/kept-nodes.ts';
import { NOTHING_FETCHED, reportPhase, reportRunning, type ReportPorts } from './steps/report-status.ts';
import { SHUTDOWN_GRACE_SECONDS } from './stop.ts';

export type StartPorts = BootPorts & ReportPorts & { readonly imageCache: Pick<ImageCache, 'folderOf'> };

/** Throws CONFLICT where something of the cluster is gone; what booting throws. */
export async function start(run: Run, ports: StartPorts): Promise<void> {
  await reportPhase('BOOTING', run, ports);
  const { deploymentId } = run.job.deployment;
  const entry = await ports.journal.read(deploymentId);
  if (entry === undefined) throw incomplete('its place at the site is not known any more');
  const directory = ports.clusterFiles.directoryOf(deploymentId);
  const nodes = await keptNodes(entry.plan, disksOf(entry, ports), directory, incomplete);
  await bootCluster(entry.plan, nodes, run, ports);
  await reportRunning(entry.plan, NOTHING_FETCHED, run, ports);
}

/** A start that failed costs the member no disk: the cluster is off again, and may be started later. */
export async function giveUpStart(failure: Failure, run: Run, ports: StartPorts): Promise<void> {
  await ports.hypervisor.stop(run.job.deployment, SHUTDOWN_GRACE_SECONDS);
  await reportPhase('STOPPED', run, ports, { failure });
}

/** The journal names the frontend's base first; where it names one alone, it is everybody's. */
function disksOf({ bases = [] }: JournalEntry, { imageCache }: StartPorts): FetchedDisks {
  const [frontend, compute = frontend] = bases.map((base) => imageCache.folderOf(base).disk);
  if (frontend === undefined || compute === undefined) throw incomplete('what its disks are made on is not known');
  return diskFiles(new Map(Object.entries({ frontend, compute })));
}

function incomplete(why: string): EdgebootError {
  return new EdgebootError('CONFLICT', `the cluster is not complete: ${why}`, {
    remedy: 'Destroy it, then deploy the image again.',
  });
}
