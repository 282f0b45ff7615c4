/** How long from the request to RUNNING, were the demo's site at the end of such roads: transfers are measured, the rest is the demo's. */
import type { DemoTimeline } from '../works/demo-timeline.ts';
import { DEMO_OBJECT, type ExperimentPaths } from './experiment-paths.ts';
import { METHODS, type Method, type ModelPlaces, type Situation } from './sample.ts';
import { fetchOverOneConnection, fetchWithEngine } from './transfers.ts';

export interface RunningTime {
  readonly site: string;
  readonly situation: Situation;
  readonly method: Method;
  /** Of the demo's image: both disks. */
  readonly transferSeconds: number;
  readonly runningSeconds: number;
}

export async function measureRunningTimes(
  site: string,
  places: ModelPlaces,
  paths: ExperimentPaths,
  directory: string,
  demo: DemoTimeline,
): Promise<readonly RunningTime[]> {
  const transfers: Record<Method, (place: string) => Promise<number>> = {
    'one connection': async (place) => (await fetchOverOneConnection(`${place}/${DEMO_OBJECT}`)).workSeconds,
    // An agent has started long before.
    'this engine': async (place) => {
      const disks = ['frontend', 'compute'].map((node) => fetchWithEngine(`${place}/${paths.demo}`, directory, node));
      return Math.max(...(await Promise.all(disks)).map(({ workSeconds }) => workSeconds));
    },
  };
  const times: RunningTime[] = [];
  // What is missed first is warm afterwards.
  for (const [situation, place] of [
    ['bucket', places.bucket],
    ['edge hit', places.warmEdge],
    ['edge miss', places.emptyEdge],
    ['warmed edge', places.emptyEdge],
  ] as const) {
    for (const method of METHODS) {
      const transferSeconds = await transfers[method](place);
      const runningSeconds = demo.runningSeconds - demo.fetchSeconds + transferSeconds;
      times.push({ site, situation, method, transferSeconds, runningSeconds });
    }
  }
  return times;
}
