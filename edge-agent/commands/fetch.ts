/** `edgeboot-agent fetch`: one disk of an image into a file. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command, Option } from 'commander';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { formatBytes } from '#shared/terminal/columns.ts';
import { composeFetch } from '../fetch/compose.ts';
import { fetchDisk } from '../fetch/fetch-disk.ts';
import { parseMemorySize } from '../fetch/memory-size.ts';
import { openPartsFile } from '../fetch/parts-file.ts';
import type { FetchedToFile, PlannedFetch } from '../fetch/ports.ts';
import { describeEdges, showTransfer } from '../fetch/show-transfer.ts';
import { parseSource, SOURCE_KINDS, type SourceKind } from '../fetch/source.ts';
import { openTransfers } from '../transfer/open-transfers.ts';
import { configOption, readConfigIfAny } from './config-option.ts';

interface FetchOptions {
  readonly node: 'frontend' | 'compute';
  readonly output: string;
  readonly repository?: SourceKind;
  readonly reuse: readonly string[];
  readonly dryRun?: boolean;
  readonly publisherKey?: string;
  readonly grant?: string;
  readonly connections?: string;
  readonly memory: string;
  readonly bandwidth?: string;
  readonly sync: boolean;
  readonly json?: boolean;
  readonly parts?: string;
  readonly config: string;
}

const collect = (value: string, earlier: readonly string[]): string[] => [...earlier, value];

export function fetchCommand(interruption: AbortSignal): Command {
  return new Command('fetch')
    .description('Fetch one disk of an image into a file, verified. An interrupted fetch goes on where it was.')
    .argument('<source>', 'a manifest or a description (vc-in.xml), by path or by URL')
    .addOption(new Option('--node <role>', 'whose disk').choices(['frontend', 'compute']).default('frontend'))
    .requiredOption('--output <disk>', 'the raw disk file to make')
    .addOption(new Option('--repository <kind>', 'unless given, what the source looks like').choices([...SOURCE_KINDS]))
    .option('--reuse <disk>', 'a raw disk here that may hold parts of it; may be given again', collect, [])
    .option('--dry-run', 'only tell how many bytes would be fetched')
    .option('--publisher-key <file>', 'whose signature the manifest must bear; unless given, the key beside it')
    .option('--grant <file>', 'signed URLs for a distribution, read again when they have expired')
    .option('--connections <n>', 'requests in flight at once, 1 to 64; unless given, as many as help')
    .option('--memory <size>', 'of the whole process, 128M to 4G', '384M')
    .option('--bandwidth <megabits>', 'per second; unless given, what there is')
    .option('--no-sync', 'do not wait until the disk would survive a loss of power')
    .option('--json', 'a summary as JSON on standard output')
    .option('--parts <file>', 'a line of JSON for every part: its size, edge location, hit or miss, seconds')
    .addOption(configOption())
    .action((source: string, options: FetchOptions) => fetch(source, options, interruption));
}

async function fetch(source: string, options: FetchOptions, signal: AbortSignal): Promise<void> {
  const named = parseSource(source, options.repository);
  const connections = options.connections === undefined ? undefined : parseBetween(options.connections, 1, 64);
  const megabitsPerSecond = options.bandwidth === undefined ? undefined : parseBetween(options.bandwidth, 1, 1e6);
  const { flow, ...rest } = openTransfers({
    connections,
    megabitsPerSecond,
    memoryMiB: parseMemorySize(options.memory),
  });
  const { resolvers } = await readConfigIfAny(options.config);
  const publicKeyPem = options.publisherKey === undefined ? undefined : await readKey(options.publisherKey);
  const { node, sync, reuse, dryRun = false } = options;
  const output = path.resolve(options.output);
  const shown = showTransfer(process.stderr);
  const { onNotice, onProgress } = shown;
  using parts = options.parts === undefined ? undefined : openPartsFile(options.parts);
  const ports = composeFetch({ ...rest, grantFile: options.grant, resolvers, record: parts?.record });
  const begin = performance.now();
  const request = { node, output, flow, sync, reuse, dryRun, publicKeyPem, onNotice, onProgress, signal };
  const fetched = await fetchDisk(named, request, ports).finally(() => shown.stop());
  const seconds = Math.round(performance.now() - begin) / 1000;
  const summary = { output, node, ...fetched, seconds };
  process.stdout.write(`${options.json === true ? JSON.stringify(summary) : describe(output, fetched, seconds)}\n`);
}

function describe(output: string, fetched: FetchedToFile | PlannedFetch, seconds: number): string {
  if ('wouldFetchBytes' in fetched) return `${fetched.image}: ${formatBytes(fetched.wouldFetchBytes)} would be fetched`;
  const { image, transfer, sizeBytes, allocatedBytes } = fetched;
  const reused = transfer.reusedBytes > 0 ? `, ${formatBytes(transfer.reusedBytes)} of the disk were here already` : '';
  const rate = formatBytes(transfer.fetchedBytes / Math.max(0.001, seconds));
  const edges = describeEdges(transfer);
  return [
    `${output}: ${image}, ${formatBytes(sizeBytes)} of which ${formatBytes(allocatedBytes)} are allocated`,
    `fetched ${formatBytes(transfer.fetchedBytes)} in ${seconds.toFixed(1)} s (${rate}/s)${edges && `, ${edges}`}${reused}`,
  ].join('\n');
}

async function readKey(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new EdgebootError('USAGE', `cannot read the publisher's key: ${messageOf(error)}`);
  });
}

function parseBetween(text: string, least: number, most: number): number {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new EdgebootError('USAGE', `${JSON.stringify(text)} is no whole number from ${least} to ${most}`);
}
