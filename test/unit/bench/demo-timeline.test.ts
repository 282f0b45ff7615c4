/** What the demo says of itself, in its own words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, DeploymentEvent } from '#shared/deployment.ts';
import { timelineText } from '../../../local/demo/timeline.ts';
import { readDemoTimeline } from '../../bench/works/demo-timeline.ts';

const STEPS = [
  { name: 'fetch and assemble', seconds: 0.5 },
  { name: 'personalize', seconds: 0.25 },
  { name: 'start domains', seconds: 0.75 },
  { name: 'guests ready', seconds: 11 },
];

test('the timeline is read as the demo writes it', () => {
  const deployment = {
    createdAt: '2026-11-25T12:00:00.000Z',
    timeline: {
      messageReceivedAt: '2026-11-25T12:00:00.030Z',
      steps: STEPS,
      ...{ bytesFetched: 33_800_000, partsFetched: 10, cacheHits: 1, cacheMisses: 9 },
      ...{ edgeLocations: ['NRT57-C1'], acceleration: 'emulation' },
    },
  } as unknown as Deployment;
  const events = [{ phase: 'RUNNING', at: '2026-11-25T12:00:15.000Z' }] as unknown as readonly DeploymentEvent[];
  const said = `[  34.8 s] timeline\n${timelineText(deployment, events)}\ndemo: RUNNING`;
  assert.deepEqual(readDemoTimeline(said), {
    ...{ runningSeconds: 15, heldSeconds: 0.03, fetchSeconds: 0.5, nodesSeconds: 1 },
  });
  assert.throws(() => readDemoTimeline('demo: OK'), /has no/);
});
