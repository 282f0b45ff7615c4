/** `edgeboot-agent add-key`: further keys that may log in to a cluster of this host. */
import { Command } from 'commander';
import { table } from '#shared/terminal/columns.ts';
import { addKeys } from '../standalone/add-keys.ts';
import { readPublicKeys } from '../standalone/options.ts';
import { type CommonOptions, outputOption, print, withHost } from './common.ts';
import { configOption } from './config-option.ts';

const EFFECTS = {
  now: 'now',
  'next boot': 'when it is turned on',
  unheard: 'not known to the guest: nothing in it listens while it runs',
} as const;

export function addKeyCommand(interruption: AbortSignal): Command {
  return new Command('add-key')
    .description('Let further keys into a cluster: at once where the guest kit listens, or when a node is turned on.')
    .argument('<cluster>', "the frontend's short host name")
    .requiredOption('--key <file>', 'public keys, one a line')
    .addOption(configOption())
    .addOption(outputOption())
    .action(async (name: string, options: CommonOptions & { key: string }) => {
      const sshPublicKeys = await readPublicKeys(options.key);
      await withHost(options.config, async ({ ports }) => {
        const told = await addKeys(name, sshPublicKeys, { signal: interruption }, ports);
        print(options, told, () =>
          table([['NODE', 'EFFECT'], ...told.map((node) => [node.name, EFFECTS[node.effect]])]),
        );
      });
    });
}
