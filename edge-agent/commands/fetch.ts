/** `edgeboot-agent fetch`: one disk of an image into a file. */
import path from 'node:path';
import { Command, Option } from 'commander';
import { formatBytes } from '#shared/terminal/columns.ts';
import { composeFetch } from '../fetch/compose.ts';
import { fetchDisk } from '../fetch/fetch-disk.ts';
import { parseSource, SOURCE_KINDS, type SourceKind } from '../fetch/source.ts';
import { parseCount } from '../standalone/options.ts';
import { showProgress } from '../standalone/progress.ts';

interface FetchOptions {
  readonly node: 'frontend' | 'compute';
  readonly output: string;
  readonly repository?: SourceKind;
  readonly connections: string;
  readonly json?: boolean;
}

export function fetchCommand(interruption: AbortSignal): Command {
  return new Command('fetch')
    .description('Fetch one disk of an image into a file, verified: what `boot` does first, by itself.')
    .argument('<source>', 'a manifest or a description (vc-in.xml), by path or by URL')
    .addOption(new Option('--node <role>', 'whose disk').choices(['frontend', 'compute']).default('frontend'))
    .requiredOption('--output <disk>', 'the raw disk file to make')
    .addOption(new Option('--repository <kind>', 'unless given, what the source looks like').choices([...SOURCE_KINDS]))
    .option('--connections <n>', 'requests in flight at once', '8')
    .option('--json', 'a summary as JSON on standard output')
    .action(async (text: string, options: FetchOptions) => {
      const named = parseSource(text, options.repository);
      const connections = parseCount(options.connections, 'connections');
      const output = path.resolve(options.output);
      const progress = showProgress(process.stderr);
      const { onNotice, onProgress } = progress;
      const begin = performance.now();
      const request = {
        node: options.node,
        output,
        connections,
        publicKeyPem: undefined,
        onNotice,
        onProgress,
        signal: interruption,
      };
      const fetched = await fetchDisk(named, request, composeFetch({ connections })).finally(() => progress.stop());
      const seconds = Math.round(performance.now() - begin) / 1000;
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify({ output, node: options.node, ...fetched, seconds })}\n`
          : `${fetched.image}: ${formatBytes(fetched.transfer.fetchedBytes)} in ${seconds} s\n`,
      );
    });
}
