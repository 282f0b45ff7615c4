/** A cluster whose time is over is wished gone, as its member would do it. */
import { type Deployment, isTerminal } from '#shared/deployment.ts';
import { hasCode, messageOf } from '#shared/errors.ts';
import { type DestroyDeploymentPorts, wishDestroyed } from '../destroy-deployment/destroy-deployment.ts';

/** One sweep takes so many on; the next one the rest. */
const MAX_ENDED = 500;

/** Answers how many it wished gone. */
export async function destroyEnded(ports: DestroyDeploymentPorts): Promise<number> {
  let destroyed = 0;
  for (const { deploymentId } of await ports.deployments.listEnded(ports.now().toISOString(), MAX_ENDED)) {
    const deployment = await ports.deployments.find(deploymentId);
    if (deployment && (await destroy(deployment, ports))) destroyed += 1;
  }
  return destroyed;
}

/** False where there was nothing to do any more, and where it could not be done: one is not in the way of the others. */
async function destroy(deployment: Deployment, ports: DestroyDeploymentPorts): Promise<boolean> {
  const { deploymentId, desired, phase, endsAt = '' } = deployment;
  if (desired.power !== 'on' || isTerminal(phase)) return false;
  try {
    await wishDestroyed(deployment, { actor: 'sweep', reason: `its time was over at ${endsAt}` }, ports);
    return true;
  } catch (error) {
    // Somebody else has just changed it: the next sweep looks again.
    if (!hasCode(error, 'CONFLICT')) {
      ports.log.error('a deployment could not be ended', { deploymentId, reason: messageOf(error) });
    }
    return false;
  }
}
