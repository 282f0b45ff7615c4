/** The wish is that the cluster be off: its guests are shut down, and everything else of it stays. */
import type { Run } from './run.ts';
import { dropFresh, type FreshComputesPorts } from './steps/fresh-computes.ts';
import { reportPhase, type ReportPorts } from './steps/report-status.ts';

/** For the guests to end well, before their power is taken. */
export const SHUTDOWN_GRACE_SECONDS = 60;

export type StopPorts = ReportPorts & FreshComputesPorts;

/** Computes that were still to be added are not. */
export async function stop(run: Run, ports: StopPorts): Promise<void> {
  await reportPhase('STOPPING', run, ports);
  const { deployment } = run.job;
  const entry = await ports.journal.read(deployment.deploymentId);
  if (entry) await dropFresh(entry, run.signal, ports);
  await ports.hypervisor.stop(deployment, SHUTDOWN_GRACE_SECONDS, run.signal);
  await reportPhase('STOPPED', run, ports);
}
