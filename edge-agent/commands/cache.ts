/** `edgeboot-agent cache`: the images that are kept on this host. */
import { Command, Option } from 'commander';
import { EdgebootError } from '#shared/errors.ts';
import { formatBytes, table } from '#shared/terminal/columns.ts';
import { composeImageCache } from '../cache/compose.ts';
import { describeBase, type DescribedBase } from '../cache/describe-base.ts';
import type { ImageCache } from '../cache/image-cache.ts';
import { prune } from '../cache/prune.ts';
import { labelText, selectBases } from '../cache/select-bases.ts';
import { type Verified, verifyBases } from '../cache/verify.ts';
import { parseSize } from '../standalone/options.ts';
import { type CommonOptions, outputOption, print } from './common.ts';
import { configOption, readConfigIfAny } from './config-option.ts';

export function cacheCommand(interruption: AbortSignal): Command {
  const cache = new Command('cache').description('The images that are kept on this host.');
  for (const command of [
    listCommand(),
    pinCommand(true),
    pinCommand(false),
    pruneCommand(),
    verifyCommand(interruption),
  ]) {
    cache.addCommand(command.addOption(configOption()).addOption(outputOption()));
  }
  return cache;
}

const openCache = async ({ config }: CommonOptions): Promise<ImageCache> =>
  composeImageCache(await readConfigIfAny(config));

function listCommand(): Command {
  return new Command('list')
    .description('What the cache has: image by image, the latest used first.')
    .action(async (options: CommonOptions) => {
      const bases = await (await openCache(options)).survey();
      const described = bases.toSorted((a, b) => b.lastUsedAt.getTime() - a.lastUsedAt.getTime()).map(describeBase);
      print(options, described, () => basesTable(described));
    });
}

function pinCommand(isPin: boolean): Command {
  return new Command(isPin ? 'pin' : 'unpin')
    .description(isPin ? 'Keep images until they are unpinned.' : 'Let images go when their room is wanted.')
    .argument('<image...>', 'a name, NAME@VERSION, or the beginning of a digest')
    .action(async (words: string[], options: CommonOptions) => {
      const cache = await openCache(options);
      const pinned = await cache.turn(async () => {
        const bases = selectBases(await cache.survey(), words);
        for (const { base } of bases) await cache.folderOf(base).setMark('pinned', isPin);
        return bases.map((one) => describeBase({ ...one, isPinned: isPin }));
      });
      print(options, pinned, () => basesTable(pinned));
    });
}

interface PruneOptions extends CommonOptions {
  readonly all?: boolean;
  readonly to?: string;
  readonly dryRun?: boolean;
}

function pruneCommand(): Command {
  return new Command('prune')
    .description(
      'Remove what is not whole, and what the limits of the configuration do not allow. Never what is pinned or in use.',
    )
    .addOption(new Option('--all', 'everything that no cluster needs').conflicts('to'))
    .option('--to <size>', 'what has not been used longest, too, until the cache takes no more than SIZE: 50 GiB')
    .option('--dry-run', 'only tell what would be removed')
    .action(async (options: PruneOptions) => {
      const toBytes = options.to === undefined ? undefined : parseSize(options.to);
      const dryRun = options.dryRun === true;
      const { bases, freedBytes, leftBytes } = await prune(
        await openCache(options),
        { all: options.all === true, toBytes },
        dryRun,
      );
      const removed = bases.map(describeBase);
      print(options, { dryRun, freedBytes, leftBytes, removed }, () =>
        [
          ...(removed.length > 0 ? [basesTable(removed), ''] : []),
          dryRun
            ? `${formatBytes(freedBytes)} would be freed, ${formatBytes(leftBytes)} would stay`
            : `${formatBytes(freedBytes)} are freed, ${formatBytes(leftBytes)} stay`,
        ].join('\n'),
      );
    });
}

function verifyCommand(interruption: AbortSignal): Command {
  return new Command('verify')
    .description(
      'Read images back, and remove those that are damaged; one that is in use is kept from further clusters.',
    )
    .argument('[image...]', 'a name, NAME@VERSION, or the beginning of a digest; unless given, all')
    .action(async (words: string[], options: CommonOptions) => {
      const cache = await openCache(options);
      const verified: Verified[] = [];
      for await (const one of verifyBases(cache, selectBases(await cache.survey(), words), interruption)) {
        verified.push(one);
      }
      print(options, verified, () =>
        table([['IMAGE', 'DIGEST', 'RESULT'], ...verified.map((one) => [namesOf(one), shortOf(one.base), one.result])]),
      );
      const damaged = verified.filter(({ result }) => result.startsWith('damaged'));
      if (damaged.length > 0) throw damagedError(damaged);
    });
}

const damagedError = (damaged: readonly Verified[]): EdgebootError =>
  new EdgebootError('PART_CORRUPT', `damaged on this disk: ${damaged.map(({ base }) => base).join(', ')}`, {
    remedy:
      'Look after the disk. What was removed is fetched again when it is needed; the rest when its clusters are gone.',
  });

function basesTable(bases: readonly DescribedBase[]): string {
  const rows = bases.map((one) => [
    namesOf(one),
    shortOf(one.digest),
    stateOf(one),
    formatBytes(one.sizeBytes),
    formatBytes(one.allocatedBytes),
    one.isPinned ? 'yes' : '-',
    one.usedBy.join(', ') || '-',
    one.lastUsedAt,
  ]);
  return table([['IMAGE', 'DIGEST', 'STATE', 'SIZE', 'ALLOCATED', 'PINNED', 'USED BY', 'LAST USED'], ...rows]);
}

const namesOf = ({ images }: Pick<DescribedBase, 'images'>): string => images.map(labelText).join(', ') || '-';
const shortOf = (digest: string): string => digest.slice(0, 12);

function stateOf({ state, percent, isDamaged, isBusy }: DescribedBase): string {
  const whole = state === 'partial' ? `partial, ${percent === undefined ? '?' : percent} %` : state;
  return [whole, ...(isDamaged ? ['damaged'] : []), ...(isBusy ? ['busy'] : [])].join(', ');
}
