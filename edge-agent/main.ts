/** `edgeboot-agent`: the site's agent, and what its operator needs to install it. */
import { hostname } from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import { composeDoctor } from './compose.ts';
import { readConfig } from './config.ts';
import { doctor, formatCheck } from './doctor.ts';
import { enroll } from './enroll.ts';
import { runAgent } from './run-agent.ts';
import { AGENT_VERSION } from './version.ts';

const CONFIG_FILE = '/etc/edgeboot/agent.yaml';

function program(): Command {
  const agent = new Command('edgeboot-agent')
    .description("The site's agent: takes deployments from the site's queue and boots them on this host.")
    .version(AGENT_VERSION)
    .showHelpAfterError()
    .exitOverride();

  agent
    .command('run')
    .description('Work until stopped. SIGTERM gives unfinished jobs back; running clusters stay up.')
    .option('--config <file>', 'the configuration', CONFIG_FILE)
    .addOption(new Option('--log-level <level>').choices(['debug', 'info', 'warn', 'error']).default('info'))
    .action(async (options: { config: string; logLevel: string }) => {
      await runAgent(await readConfig(options.config), options.logLevel);
      // What is still under way after the time given to it must not keep the process.
      process.exit(0);
    });

  agent
    .command('enroll')
    .description('Exchange a one-time token for a place in the federation. Makes this agent its key pair.')
    .argument('<token>', 'as "edgeboot site register" printed it')
    .option('--config <file>', 'the configuration', CONFIG_FILE)
    .action(async (token: string, options: { config: string }) => {
      const siteId = await enroll(await readConfig(options.config), token);
      process.stdout.write(`${hostname()} is now the agent of ${siteId}\n`);
    });

  agent
    .command('doctor')
    .description('Check this host: KVM, libvirt, disk, clock, edges, queue, API. One line each.')
    .option('--config <file>', 'the configuration', CONFIG_FILE)
    .addOption(new Option('--output <format>').choices(['text', 'json']).default('text'))
    .action(async (options: { config: string; output: string }) => {
      const config = await readConfig(options.config);
      const checks = await doctor(config, composeDoctor(config));
      const text = options.output === 'json' ? JSON.stringify(checks, null, 2) : checks.map(formatCheck).join('\n');
      process.stdout.write(`${text}\n`);
      if (checks.some((check) => check.status === 'fail')) process.exitCode = ERROR_KINDS.PREREQUISITE_MISSING.exitCode;
    });
  return agent;
}

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Says what went wrong on standard error, unless commander has said it already. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_KINDS.USAGE.exitCode;
  const known =
    error instanceof EdgebootError ? error : new EdgebootError('INTERNAL', messageOf(error), { cause: error });
  process.stderr.write(`edgeboot-agent: ${known.code}: ${boundedText(known.message)}\n  ${known.remedy}\n`);
  if (known.code === 'INTERNAL' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return ERROR_KINDS[known.code].exitCode;
}
