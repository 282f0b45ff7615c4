/** The commands of a federation's site: run, enroll, doctor. */
import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import { ERROR_KINDS } from '#shared/errors.ts';
import { composeDoctor } from '../compose.ts';
import { readConfig, requireFederation } from '../config.ts';
import { doctor, formatCheck } from '../doctor.ts';
import { enroll } from '../enroll.ts';
import { runAgent } from '../run-agent.ts';
import { configOption, readConfigIfAny } from './config-option.ts';

export const federationCommands = (): Command[] => [runCommand(), enrollCommand(), doctorCommand()];

function runCommand(): Command {
  return new Command('run')
    .description('Work until stopped. SIGTERM gives unfinished jobs back; running clusters stay up.')
    .addOption(configOption())
    .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .action(async (options: { config: string; logLevel: string }) => {
      await runAgent(requireFederation(await readConfig(options.config)), options.logLevel);
      // What is still under way after the time given to it must not keep the process.
      process.exit(0);
    });
}

function enrollCommand(): Command {
  return new Command('enroll')
    .description('Exchange a one-time token for a place in the federation. Makes this agent its key pair.')
    .argument('<token>', 'as "edgeboot site register" printed it')
    .addOption(configOption())
    .action(async (token: string, options: { config: string }) => {
      const siteId = await enroll(requireFederation(await readConfig(options.config)), token);
      process.stdout.write(`${hostname()} is now the agent of ${siteId}\n`);
    });
}

function doctorCommand(): Command {
  return new Command('doctor')
    .description('Check this host: KVM, the hypervisor, disk, clock, edges, queue, API. One line each.')
    .addOption(configOption())
    .addOption(new Option('--output <format>').choices(['text', 'json']).default('text'))
    .action(async (options: { config: string; output: string }) => {
      const config = await readConfigIfAny(options.config);
      const checks = await doctor(config, composeDoctor(config));
      const text = options.output === 'json' ? JSON.stringify(checks, null, 2) : checks.map(formatCheck).join('\n');
      process.stdout.write(`${text}\n`);
      if (checks.some((check) => check.status === 'fail')) process.exitCode = ERROR_KINDS.PREREQUISITE_MISSING.exitCode;
    });
}
