/** The experiment, top-down: samples by the hour, the chart, and the time to RUNNING. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { table } from '#shared/terminal/columns.ts';
import { seededRandom } from '../../helpers/seeded-random.ts';
import { warmCache } from '../images/warm-cache.ts';
import { machineFacts } from '../report/machine.ts';
import { markdownTable, putSection } from '../report/put-section.ts';
import { type BenchServers, startBenchServers } from '../servers/bench-servers.ts';
import { type ChartPoint, drawChart } from './chart.ts';
import { runDemoForTimeline } from '../works/demo-timeline.ts';
import { prepareExperiment } from './experiment-images.ts';
import { type ExperimentPaths, experimentPaths } from './experiment-paths.ts';
import type { ExperimentOptions } from './options.ts';
import { rateCells, runningCells } from './report.ts';
import { measureRunningTimes, type RunningTime } from './running-time.ts';
import { type Measurement, type ModelPlaces, takeSample } from './sample.ts';
import { distancesAt, EXPERIMENT_SITES, type ExperimentSite, loadAt } from './sites.ts';

const DIRECTORY = path.resolve('build/bench');
const CHART = path.join(DIRECTORY, 'experiment.svg');
const RESULTS = path.join(DIRECTORY, 'experiment.json');
const DOCUMENT = path.resolve('docs/experiment.md');
const FIRST_SEED = 2026;
const HOUR_MS = 3_600_000;
/** As the demo has them unless told otherwise. */
const DEMO_COMPUTES = 2;
/** When the time to RUNNING is taken. */
const NOON = 12;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

export async function runExperiment(options: ExperimentOptions, signal: AbortSignal): Promise<void> {
  const www = await prepareExperiment(DIRECTORY);
  const paths = await experimentPaths(www);
  const runs = path.join(DIRECTORY, 'runs');
  await mkdir(runs, { recursive: true });
  await warmCache(www);
  const points =
    options.real === undefined
      ? await sampleModel(options.samples, www, paths, runs, signal)
      : await sampleReal(options.real, options.samples, paths, runs, signal);
  const times = options.real === undefined ? await takeRunningTimes(www, paths, runs, signal) : [];
  const title = options.real === undefined ? 'A model: bucket and edges from two sites' : 'Bucket and edges';
  const subtitle = 'dashed: one connection; solid: this engine, from its start to the verified disk';
  const chart = await drawChart(points, { title, subtitle, hourTitle: 'hour of the day at the site' });
  await writeFile(CHART, chart);
  const results = { measuredAt: new Date().toISOString(), machine: machineFacts(), points, times };
  await writeFile(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`);
  process.stdout.write(`${table(rateCells(points))}\n`);
  if (times.length > 0) process.stdout.write(`\n${table(runningCells(times))}\n`);
  say(`the chart is ${path.relative('.', CHART)}, all numbers are in ${path.relative('.', RESULTS)}`);
  if (options.document) await writeDocument(chart, points, times);
}

async function writeDocument(
  chart: string,
  points: readonly ChartPoint[],
  times: readonly RunningTime[],
): Promise<void> {
  await writeFile(path.resolve('docs/experiment.svg'), `${chart}\n`);
  await putSection(DOCUMENT, 'rates', markdownTable(rateCells(points)));
  await putSection(DOCUMENT, 'running', markdownTable(runningCells(times)));
}

async function sampleModel(
  samples: number,
  www: string,
  paths: ExperimentPaths,
  runs: string,
  signal: AbortSignal,
): Promise<ChartPoint[]> {
  const random = seededRandom(FIRST_SEED);
  const points: ChartPoint[] = [];
  for (let hour = 0; hour < samples; hour++) {
    for (const site of EXPERIMENT_SITES) {
      signal.throwIfAborted();
      await using servers = await startModel(site, loadAt(hour, random), www);
      points.push(...toPoints(site.name, hour, await takeSample(placesOf(servers), paths, runs)));
    }
  }
  return points;
}

function startModel(site: ExperimentSite, load: number, www: string): Promise<BenchServers> {
  return startBenchServers({ www, directory: DIRECTORY, distances: distancesAt(site, load) });
}

const placesOf = ({ endpoints }: BenchServers): ModelPlaces => ({
  bucket: endpoints.far.url,
  warmEdge: endpoints.near.url,
  emptyEdge: endpoints.caching.url,
});

async function sampleReal(
  { distribution, bucket }: NonNullable<ExperimentOptions['real']>,
  samples: number,
  paths: ExperimentPaths,
  runs: string,
  signal: AbortSignal,
): Promise<ChartPoint[]> {
  const points: ChartPoint[] = [];
  for (let sample = 0; sample < samples; sample++) {
    if (sample > 0) await delay(HOUR_MS, undefined, { signal });
    const places = { bucket, warmEdge: undefined, emptyEdge: distribution };
    points.push(...toPoints('here', sample, await takeSample(places, paths, runs)));
  }
  return points;
}

function toPoints(site: string, hour: number, measurements: readonly Measurement[]): ChartPoint[] {
  return measurements.map(({ situation, method, transfer }) => {
    const megabytesPerSecond = transfer.bytes / transfer.seconds / 1e6;
    say(`${site} ${hour}:00  ${situation}, ${method}: ${megabytesPerSecond.toFixed(1)} MB/s`);
    return { site, hour, situation, method, megabytesPerSecond };
  });
}

async function takeRunningTimes(
  www: string,
  paths: ExperimentPaths,
  runs: string,
  signal: AbortSignal,
): Promise<readonly RunningTime[]> {
  say('running the demo for its timeline …');
  const demo = await runDemoForTimeline(DEMO_COMPUTES, signal);
  const times: RunningTime[] = [];
  for (const site of EXPERIMENT_SITES) {
    signal.throwIfAborted();
    await using servers = await startModel(
      site,
      loadAt(NOON, () => 0.5),
      www,
    );
    times.push(...(await measureRunningTimes(site.name, placesOf(servers), paths, runs, demo)));
  }
  return times;
}
