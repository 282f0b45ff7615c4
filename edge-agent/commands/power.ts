/** `edgeboot-agent shutdown`, `start` and `clean`: a cluster of this host turned off, on again, and removed. */
import { Command } from 'commander';
import { Stopwatch } from '../run.ts';
import { clean } from '../standalone/clean.ts';
import { cleanForgotten } from '../standalone/clean-forgotten.ts';
import { parseCount } from '../standalone/options.ts';
import { shutdown } from '../standalone/shutdown.ts';
import { start } from '../standalone/start.ts';
import { SHUTDOWN_GRACE_SECONDS } from '../stop.ts';
import { withHost } from './common.ts';
import { configOption } from './config-option.ts';

export const powerCommands = (interruption: AbortSignal): Command[] => [
  shutdownCommand(interruption),
  startCommand(interruption),
  cleanCommand(interruption),
];

function shutdownCommand(interruption: AbortSignal): Command {
  return new Command('shutdown')
    .description("Turn a cluster's nodes off. Address, private network and disks stay.")
    .argument('<cluster>', "the frontend's short host name")
    .option('--grace <seconds>', 'for the guests to end well', String(SHUTDOWN_GRACE_SECONDS))
    .addOption(configOption())
    .action((name: string, options: { config: string; grace: string }) => {
      const graceSeconds = parseCount(options.grace, 'seconds');
      return withHost(options.config, async ({ ports }) => {
        await shutdown(name, graceSeconds, interruption, ports);
        process.stdout.write(`${name} is off\n`);
      });
    });
}

function startCommand(interruption: AbortSignal): Command {
  return new Command('start')
    .description('Turn a cluster on again, after a shutdown or a restart of this host.')
    .argument('<cluster>', "the frontend's short host name")
    .addOption(configOption())
    .action((name: string, options: { config: string }) =>
      withHost(options.config, async ({ ports }) => {
        const plan = await start(name, { signal: interruption, stopwatch: new Stopwatch() }, ports);
        process.stdout.write(`${name} is up: ssh root@${plan.publicAddress}\n`);
      }),
    );
}

function cleanCommand(interruption: AbortSignal): Command {
  return new Command('clean')
    .description('Remove a cluster that is off, with its disks, network and address.')
    .argument('<cluster>', "the frontend's short host name")
    .option('--forgotten', "a cluster of the federation's that it knows no more, even while it runs")
    .addOption(configOption())
    .action((name: string, { config, forgotten }: { config: string; forgotten?: true }) =>
      withHost(config, async ({ ports, openFederation }) => {
        if (forgotten) await cleanForgotten(name, interruption, await openFederation(), ports);
        else await clean(name, ports);
        process.stdout.write(`${name} is gone\n`);
      }),
    );
}
