/** `edgeboot-agent sync`: what repositories have, brought here. */
import { Command } from 'commander';
import type { EdgebootError } from '#shared/errors.ts';
import { formatBytes, table } from '#shared/terminal/columns.ts';
import { composePeers } from '../peers/compose.ts';
import { composeRepositories } from '../standalone/compose.ts';
import { showProgress } from '../standalone/progress.ts';
import { repositoriesOf } from '../standalone/repository.ts';
import { type SyncedImage, syncRepository } from '../standalone/sync.ts';
import { type CommonOptions, outputOption, print, repositoryOption } from './common.ts';
import { configOption, readConfigIfAny } from './config-option.ts';

interface SyncOptions extends CommonOptions {
  readonly repository?: string;
  readonly include: string[];
  readonly exclude: string[];
  readonly acceptChanges?: boolean;
}

export function syncCommand(interruption: AbortSignal): Command {
  const collect = (value: string, earlier: string[]): string[] => [...earlier, value];
  const sync = new Command('sync').description('Bring what repositories have here.');
  sync
    .command('repository')
    .description('Fetch what is new or changed of the virtual clusters whose names match. Safe to run from a timer.')
    .addOption(repositoryOption())
    .option('--include <glob>', 'names to fetch; may be given again', collect, [])
    .option('--exclude <glob>', 'names not to fetch; may be given again', collect, [])
    .option('--accept-changes', 'images have changed since they were first seen, and you know why')
    .addOption(configOption())
    .addOption(outputOption())
    .action(async (options: SyncOptions) => {
      const config = await readConfigIfAny(options.config);
      await using undo = new AsyncDisposableStack();
      const ports = await composeRepositories(config, undefined, await composePeers(config.peers, undo));
      const progress = showProgress(process.stderr);
      const acceptChanges = options.acceptChanges === true;
      const images: SyncedImage[] = [];
      const errors: EdgebootError[] = [];
      for (const repository of repositoriesOf(config, options.repository, options)) {
        const synced = await syncRepository(repository, { ...progress, acceptChanges, signal: interruption }, ports);
        images.push(...synced.images);
        errors.push(...synced.errors);
      }
      progress.stop();
      print(options, images, () =>
        table([
          ['NAME', 'RESULT', 'FETCHED', 'DETAIL'],
          ...images.map(({ name, result, fetchedBytes, detail }) => [name, result, formatBytes(fetchedBytes), detail]),
        ]),
      );
      const [first] = errors;
      if (first !== undefined) throw first;
    });
  return sync;
}
