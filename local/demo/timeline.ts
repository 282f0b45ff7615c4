/** The timeline of a deployment, from the API's history and the agent's own account. */
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(2).padStart(7)} s`;

/** Lines for a person. */
export function timelineText(deployment: Deployment, events: readonly DeploymentEvent[]): string {
  const { createdAt, timeline } = deployment;
  if (timeline === undefined) return 'the agent gave no account';
  const accepted = Date.parse(createdAt);
  const running = events.find(({ phase }) => phase === 'RUNNING');
  const { bytesFetched, partsFetched, edgeLocations, cacheHits, cacheMisses, acceleration } = timeline;
  return [
    `  ${seconds(Date.parse(timeline.messageReceivedAt) - accepted)}  request accepted → agent holds the message`,
    ...timeline.steps.map(({ name, seconds: taken }) => `  ${seconds(taken * 1000)}  ${name}`),
    ...(running ? [`  ${seconds(Date.parse(running.at) - accepted)}  request accepted → RUNNING`] : []),
    `  ${(bytesFetched / 1e6).toFixed(1)} MB in ${partsFetched} parts from ${edgeLocations.join(', ') || 'the cache'}: ` +
      `${cacheHits} hits, ${cacheMisses} misses; guests under ${acceleration}`,
  ].join('\n');
}
