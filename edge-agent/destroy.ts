/** The wish is that the cluster be gone: remove everything that is here of it, then say so. */
import type { Run } from './run.ts';
import { removeCluster, type RemovePorts } from './steps/remove-cluster.ts';
import { reportPhase, type ReportPorts } from './steps/report-status.ts';

export type DestroyPorts = RemovePorts & ReportPorts;

export async function destroy(run: Run, ports: DestroyPorts): Promise<void> {
  await reportPhase('DESTROYING', run, ports);
  await removeCluster(run.job.deployment, ports);
  await reportPhase('TERMINATED', run, ports);
}
