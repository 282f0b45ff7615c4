/** Follows a deployment until nothing more will happen by itself: its history goes to standard error as it comes. */
import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from '#shared/api-client.ts';
import { deploymentResponse, eventsResponse } from '#shared/api.ts';
import { type Deployment, isOutcome } from '#shared/deployment.ts';
import { EdgebootError, hasCode, isErrorCode } from '#shared/errors.ts';
import { describeProgress } from './deployment-text.ts';
import { say } from './output.ts';

const INTERVAL_MS = 1_000;

/** @param seen the last event that is known already; 0 tells the history from its beginning. */
export async function watchDeployment(api: ApiClient, deploymentId: string, seen = 0): Promise<Deployment> {
  const path = `/v1/deployments/${deploymentId}`;
  let saidProgress = '';
  let saidTrouble = '';
  for (;;) {
    try {
      // The row first: whatever it shows is in the history by then.
      const { deployment } = await api.call({ method: 'GET', path, answer: deploymentResponse });
      const query = { after: String(seen) };
      const { events } = await api.call({ method: 'GET', path: `${path}/events`, query, answer: eventsResponse });
      for (const event of events) {
        say(`${event.at}  ${event.phase}${event.failure ? `  ${event.failure.code}: ${event.failure.message}` : ''}`);
        seen = event.sequence;
      }
      const progress = deployment.phase === 'FETCHING' ? describeProgress(deployment) : '';
      if (progress !== '' && progress !== saidProgress) say(`${' '.repeat(26)}${progress}`);
      saidProgress = progress;
      saidTrouble = '';
      if (isOutcome(deployment.phase, deployment.desired)) return deployment;
    } catch (error) {
      // The cluster comes up without us; whoever watches goes on watching.
      if (!hasCode(error, 'SERVICE_UNAVAILABLE', 'THROTTLED')) throw error;
      if (error.message !== saidTrouble) say(`${error.message}; going on to ask`);
      saidTrouble = error.message;
    }
    await delay(INTERVAL_MS);
  }
}

/** A watched deployment that failed is the command's failure, too, with the agent's own words. */
export function requireNotFailed({ phase, failure }: Deployment): void {
  if (phase !== 'FAILED') return;
  const code = failure?.code ?? 'INTERNAL';
  throw new EdgebootError(isErrorCode(code) ? code : 'INTERNAL', failure?.message ?? 'the deployment failed', {
    ...(failure && { remedy: failure.remedy }),
  });
}
