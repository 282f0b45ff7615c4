/** Follows a deployment until nothing more will happen by itself: its history goes to standard error as it comes. */
import type { ApiClient } from '#shared/api-client.ts';
import { eventsResponse, showDeploymentResponse, type ShownDeployment } from '#shared/api/deployments.ts';
import { isOutcome } from '#shared/deployment.ts';
import { describeEvent, describeProgress } from './deployment-text.ts';
import { keepLooking } from './keep-looking.ts';
import { say } from './output.ts';

/** @param seen the last event that is known already; 0 tells the history from its beginning. */
export async function watchDeployment(api: ApiClient, deploymentId: string, seen = 0): Promise<ShownDeployment> {
  const path = `/v1/deployments/${deploymentId}`;
  let [saidProgress, seenVersion] = ['', 0];
  return keepLooking(async () => {
    // The row first: whatever it shows is in the history by then. Whoever waits looks often, and mostly at the row alone.
    const { deployment } = await api.call({ method: 'GET', path, answer: showDeploymentResponse });
    const query = { after: String(seen) };
    const { events } =
      deployment.version === seenVersion
        ? { events: [] }
        : await api.call({ method: 'GET', path: `${path}/events`, query, answer: eventsResponse });
    seenVersion = deployment.version;
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
