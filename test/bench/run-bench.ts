/** Rounds of runs: everything once, then everything again, so that what disturbs the machine disturbs all alike. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { prepareImages } from './images/bench-images.ts';
import { warmCache } from './images/warm-cache.ts';
import type { BenchOptions } from './options.ts';
import type { PipelineName } from './pipelines/pipelines.ts';
import { machineFacts } from './report/machine.ts';
import { type Row, ROWS } from './report/rows.ts';
import { spreadOf } from './report/statistics.ts';
import { type Measured, targetTable } from './report/table.ts';
import { type Run, runPipeline } from './run/run-pipeline.ts';
import { startBenchServers } from './servers/bench-servers.ts';

const DIRECTORY = path.resolve('build/bench');
const RESULTS = path.join(DIRECTORY, 'results.json');

type RoundRuns = Partial<Record<PipelineName, Run>>;

export async function runBench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const images = await prepareImages(DIRECTORY);
  await warmCache(images.www);
  signal.throwIfAborted();
  await using servers = await startBenchServers(images.www, DIRECTORY);
  const rows = options.rows.map((name): Row & { readonly name: string } => ({ name, ...ROWS[name] }));
  const pipelines = [...new Set(rows.flatMap(({ needs }) => needs))];
  const rounds: RoundRuns[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    const round: RoundRuns = {};
    for (const name of pipelines) {
      signal.throwIfAborted();
      const run = await runPipeline(name, { images, servers }, path.join(DIRECTORY, 'runs'));
      round[name] = run;
      say(`round ${number}  ${name.padEnd(16)}${describe(run)}`);
    }
    rounds.push(round);
  }
  const measured = rows.map((row) => ({
    ...row,
    spread: spreadOf(rounds.map((round) => row.value((name) => runOf(round, name), images))),
  }));
  process.stdout.write(`${targetTable(measured)}\n`);
  await writeFile(RESULTS, `${JSON.stringify(resultsOf(measured, rounds), undefined, 2)}\n`);
  say(`all numbers are in ${path.relative('.', RESULTS)}`);
}

function runOf(round: RoundRuns, name: PipelineName): Run {
  const run = round[name];
  if (run === undefined) throw new Error(`${name} was not run`);
  return run;
}

function describe({ wallSeconds, cpuSeconds, peakRssBytes, allocatedBytes, transfers }: Run): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`.padStart(8);
  return [
    `${wallSeconds.toFixed(2).padStart(7)} s`,
    `CPU ${cpuSeconds.toFixed(2).padStart(6)} s`,
    `RSS ${megabytes(peakRssBytes)}`,
    `allocated ${megabytes(allocatedBytes)}`,
    `fetched ${megabytes(transfers.bytes)} in ${transfers.requests} requests`,
  ].join('  ');
}

function resultsOf(measured: readonly (Measured & { readonly name: string })[], rounds: readonly RoundRuns[]): unknown {
  const rows = measured.map(({ name, label, unit, must, goal, spread }) => ({
    ...{ name, label, unit: unit ?? 'ratio', must, goal },
    ...spread,
  }));
  return { measuredAt: new Date().toISOString(), machine: machineFacts(), rows, rounds };
}
