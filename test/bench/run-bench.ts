/** Rounds of runs: everything once, then everything again, so that what disturbs the machine disturbs all alike. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { prepareImages } from './images/bench-images.ts';
import { warmCache } from './images/warm-cache.ts';
import { BENCH_DISTANCES } from './model/roads.ts';
import type { BenchOptions } from './options.ts';
import { machineFacts } from './report/machine.ts';
import { type Row, ROWS } from './report/rows.ts';
import { spreadOf } from './report/statistics.ts';
import { type Measured, targetTable } from './report/table.ts';
import { startBenchServers } from './servers/bench-servers.ts';
import { type ResultOf, type WorkName, WORKS } from './works/works.ts';

const DIRECTORY = path.resolve('build/bench');
const RESULTS = path.join(DIRECTORY, 'results.json');

type Results = { [Name in WorkName]?: ResultOf<Name> };

export async function runBench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const images = await prepareImages(DIRECTORY);
  await warmCache(images.www);
  signal.throwIfAborted();
  await using servers = await startBenchServers({ www: images.www, directory: DIRECTORY, distances: BENCH_DISTANCES });
  const rows = options.rows.map((name): Row & { readonly name: string } => ({ name, ...ROWS[name] }));
  const works = [...new Set(rows.flatMap(({ needs }) => needs))];
  const rounds: Results[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    const round: Results = {};
    for (const name of works) {
      signal.throwIfAborted();
      const result = await WORKS[name]({ images, servers, directory: path.join(DIRECTORY, 'runs') });
      Object.assign(round, { [name]: result });
      say(`round ${number}  ${name.padEnd(16)}${describe(result)}`);
    }
    rounds.push(round);
  }
  const measured = rows.map((row) => ({
    ...row,
    spread: spreadOf(rounds.map((round) => row.value((name) => resultOf(round, name), images))),
  }));
  process.stdout.write(`${targetTable(measured)}\n`);
  await writeFile(RESULTS, `${JSON.stringify(resultsOf(measured, rounds), undefined, 2)}\n`);
  say(`all numbers are in ${path.relative('.', RESULTS)}`);
}

function resultOf<Name extends WorkName>(round: Results, name: Name): ResultOf<Name> {
  const result = round[name];
  if (result === undefined) throw new Error(`${name} was not measured`);
  return result;
}

function describe(result: ResultOf<WorkName>): string {
  if (!('wallSeconds' in result)) return JSON.stringify(result);
  const { wallSeconds, cpuSeconds, peakRssBytes, allocatedBytes, transfers } = result;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`.padStart(8);
  return [
    `${wallSeconds.toFixed(2).padStart(7)} s`,
    `CPU ${cpuSeconds.toFixed(2).padStart(6)} s`,
    `RSS ${megabytes(peakRssBytes)}`,
    `allocated ${megabytes(allocatedBytes)}`,
    `fetched ${megabytes(transfers.bytes)} in ${transfers.requests} requests`,
  ].join('  ');
}

function resultsOf(measured: readonly (Measured & { readonly name: string })[], rounds: readonly Results[]): unknown {
  const rows = measured.map(({ name, label, unit, must, goal, spread }) => ({
    ...{ name, label, unit: unit ?? 'ratio', must, goal },
    ...spread,
  }));
  return { measuredAt: new Date().toISOString(), machine: machineFacts(), rows, rounds };
}
