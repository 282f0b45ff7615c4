/** Rounds of works: everything once, then everything again, so that what disturbs the machine disturbs all alike. */
import path from 'node:path';
import { table } from '#shared/terminal/columns.ts';
import { type BenchImages, prepareImages } from './images/bench-images.ts';
import { warmCache } from './images/warm-cache.ts';
import { BENCH_DISTANCES } from './model/roads.ts';
import type { BenchOptions } from './options.ts';
import { machineFacts } from './report/machine.ts';
import { markdownTable, putSection } from './report/put-section.ts';
import { mergeResults, type Results, type RowResult } from './report/results-file.ts';
import { type Row, type RowName, ROWS } from './report/rows.ts';
import { spreadOf } from './report/statistics.ts';
import { pipelineCells, targetCells } from './report/table.ts';
import { startBenchServers } from './servers/bench-servers.ts';
import type { Surroundings } from './works/surroundings.ts';
import { type ResultOf, type WorkName, WORKS } from './works/works.ts';

const DIRECTORY = path.resolve('build/bench');
const RESULTS = path.join(DIRECTORY, 'results.json');
const DOCUMENT = path.resolve('docs/performance.md');

type RoundResults = { [Name in WorkName]?: ResultOf<Name> };

const say = (line: string): void => void process.stderr.write(`${line}\n`);

export async function runBench(options: BenchOptions, signal: AbortSignal): Promise<void> {
  const images = await prepareImages(DIRECTORY);
  await warmCache(images.www);
  signal.throwIfAborted();
  await using servers = await startBenchServers({
    ...{ www: images.www, directory: DIRECTORY, distances: BENCH_DISTANCES },
  });
  const around = { images, servers, directory: path.join(DIRECTORY, 'runs') };
  const names = [...new Set(options.rows.flatMap((row): readonly WorkName[] => ROWS[row].needs))];
  const rounds: RoundResults[] = [];
  for (let number = 1; number <= options.rounds; number++) {
    say(`round ${number}`);
    rounds.push(await runRound(names, around, signal));
  }
  const measured = resultsOf(options.rows, names, rounds, images);
  process.stdout.write(`${table(targetCells(Object.values(measured.rows)))}\n`);
  const all = await mergeResults(RESULTS, measured);
  say(`all numbers are in ${path.relative('.', RESULTS)}`);
  if (options.document) await writeDocument(all);
}

async function runRound(names: readonly WorkName[], around: Surroundings, signal: AbortSignal): Promise<RoundResults> {
  const round: RoundResults = {};
  for (const name of names) {
    signal.throwIfAborted();
    const result = await WORKS[name](around);
    Object.assign(round, { [name]: result });
    say(`  ${name.padEnd(16)}${describe(result)}`);
  }
  return round;
}

function resultsOf(
  rowNames: readonly RowName[],
  workNames: readonly WorkName[],
  rounds: readonly RoundResults[],
  images: BenchImages,
): Results {
  const measuredAt = new Date().toISOString();
  const rows = rowNames.map((name): [string, RowResult] => {
    const { label, unit = 'ratio', must, goal, value }: Row = ROWS[name];
    const values = rounds.map((round) => value((work) => resultOf(round, work), images));
    const targets = { ...(must !== undefined && { must }), ...(goal !== undefined && { goal }) };
    return [name, { label, unit, ...targets, ...spreadOf(values), rounds: rounds.length, measuredAt }];
  });
  const works = workNames.map((name): [string, Results['works'][string]] => {
    const results = rounds.map((round): Record<string, unknown> => ({ ...resultOf(round, name) }));
    return [name, { measuredAt, results }];
  });
  return { machine: machineFacts(), rows: Object.fromEntries(rows), works: Object.fromEntries(works) };
}

function resultOf<Name extends WorkName>(round: RoundResults, name: Name): ResultOf<Name> {
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

async function writeDocument({ rows, works }: Results): Promise<void> {
  const inOrder = (Object.keys(ROWS) as RowName[]).flatMap((name) => rows[name] ?? []);
  await putSection(DOCUMENT, 'targets', markdownTable(targetCells(inOrder)));
  await putSection(DOCUMENT, 'pipelines', markdownTable(pipelineCells(works)));
  say(`written to ${path.relative('.', DOCUMENT)}`);
}
