/** The wish is that the cluster be off: its guests are shut down, and everything else of it stays. */
import type { HypervisorDriver } from './ports.ts';
import type { Run } from './run.ts';
import { reportPhase, type ReportPorts } from './steps/report-status.ts';

/** For the guests to end well, before their power is taken. */
export const SHUTDOWN_GRACE_SECONDS = 60;

export type StopPorts = ReportPorts & { readonly hypervisor: HypervisorDriver };

export async function stop(run: Run, ports: StopPorts): Promise<void> {
  await reportPhase('STOPPING', run, ports);
  await ports.hypervisor.stop(run.job.deployment, SHUTDOWN_GRACE_SECONDS);
  await reportPhase('STOPPED', run, ports);
}
