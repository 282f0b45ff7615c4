/**
 * THE EDGE FLOW. A job from the site's queue becomes a running cluster.
 *
 *   claim → allocate → fetch and assemble → personalize → boot → report
 *
 * Each step is a file in steps/. A step that fails throws; handle-message.ts decides what happens then.
 */
import type { SiteResources } from './core/allocate.ts';
import type { Run } from './run.ts';
import { allocate, type AllocatePorts, type Wish } from './steps/allocate.ts';
import { bootCluster, type BootPorts } from './steps/boot-cluster.ts';
import { fetchImage, type FetchPorts } from './steps/fetch-image.ts';
import { personalize, type PersonalizePorts } from './steps/personalize.ts';
import { planRequest } from './steps/plan-request.ts';
import { reportPhase, reportRunning, type ReportPorts } from './steps/report-status.ts';

export type DeployPorts = AllocatePorts & FetchPorts & PersonalizePorts & BootPorts & ReportPorts;

export async function deploy(run: Run, ports: DeployPorts): Promise<void> {
  await reportPhase('FETCHING', run, ports);
  const plan = await allocate(wishOf(run, ports.resources), run.signal, ports);
  const image = await fetchImage('FETCHING', run, ports);

  await reportPhase('PERSONALIZING', run, ports);
  const nodes = await personalize(plan, image, run, ports);

  await reportPhase('BOOTING', run, ports);
  await bootCluster(plan, nodes, run, ports);

  await reportRunning(plan, image, run, ports);
}

function wishOf({ job: { deployment }, receivedAt }: Run, resources: SiteResources): Wish {
  const { deploymentId, siteId, desired } = deployment;
  const [generation, startedAt] = [desired.generation, receivedAt.toISOString()];
  return { siteId, deploymentId, generation, startedAt, request: (taken) => planRequest(deployment, resources, taken) };
}
