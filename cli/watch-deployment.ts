/** Follows a deployment until nothing more will happen by itself: its history goes to standard error as it comes. */
import { isDeepStrictEqual } from 'node:util';
import type { ApiClient } from '#shared/api-client.ts';
import { eventsResponse, showDeploymentResponse, type ShownDeployment } from '#shared/api/deployments.ts';
import { isOutcome } from '#shared/deployment.ts';
import { describeEvent, describeProgress } from './deployment-text.ts';
import { keepLooking } from './keep-looking.ts';
import { say } from './output.ts';

/** @param seen the last event that is known already; 0 tells the history from its beginning. */
export async function watchDeployment(api: ApiClient, deploymentId: string, seen = 0): Promise<ShownDeployment> {
  const path = `/v1/deployments/${deploymentId}`;
  let saidProgress = '';
  let seenState: object | undefined;
  return keepLooking(async () => {
    // The row first: whatever it shows is in the history by then. Whoever waits looks often, and mostly at the row alone:
    // progress is not in the history.
    const { deployment } = await api.call({ method: 'GET', path, answer: showDeploymentResponse });
    const state = withoutProgress(deployment);
    const query = { after: String(seen) };
    const { events } = isDeepStrictEqual(state, seenState)
      ? { events: [] }
      : await api.call({ method: 'GET', path: `${path}/events`, query, answer: eventsResponse });
    seenState = state;
    for (const event of events) {
      say(describeEvent(event));
      seen = event.sequence;
    }
    const progress = deployment.phase === 'FETCHING' ? describeProgress(deployment) : '';
    if (progress !== '' && progress !== saidProgress) say(`${' '.repeat(26)}${progress}`);
    saidProgress = progress;
    return isOutcome(deployment) ? deployment : undefined;
  });
}

/** What a report of progress leaves as it is. */
const withoutProgress = (deployment: ShownDeployment): object => ({
  ...deployment,
  ...{
    progress: undefined,
    reportSequence: undefined,
    version: undefined,
    updatedAt: undefined,
    progressedAt: undefined,
  },
});
