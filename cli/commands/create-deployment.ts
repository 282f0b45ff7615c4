/** `edgeboot deployment create`: one wish, one cluster, however often it has to be sent. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Command, Option } from 'commander';
import type { ApiClient } from '#shared/api-client.ts';
import { deploymentCheckResponse, deploymentResponse } from '#shared/api/deployments.ts';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { NETWORK_NAME, SSH_PUBLIC_KEY } from '#shared/names.ts';
import { MAX_HOURS } from '#shared/site-access.ts';
import { ulid } from 'ulid';
import { describeCheck, describeDeployment, warnOfDeprecation } from '../deployment-text.ts';
import { IMAGE_ARGUMENT, parseImage } from '../image-reference.ts';
import { unlessAborted } from '../interruption.ts';
import { repeatable, wholeNumber } from '../option-values.ts';
import { printData, say } from '../output.ts';
import { repeatUntilAnswered } from '../repeat-until-answered.ts';
import { requireNotFailed } from '../require-not-failed.ts';
import { openApi } from '../session.ts';
import { watchDeployment } from '../watch-deployment.ts';

const IDEMPOTENCY_KEY = /^[A-Za-z0-9_-]{8,64}$/;

/** @param interruption Ctrl-C */
export function createDeploymentCommand(interruption: AbortSignal): Command {
  return new Command('create')
    .description('Deploy an image at a site. Prints the deployment; --wait waits until it runs.')
    .argument('<image>', IMAGE_ARGUMENT)
    .requiredOption('--site <site>', 'where, see edgeboot site list; any: where it comes up soonest')
    .option('--computes <n>', 'number of compute nodes beside the frontend (default: 0, or 1 with --cpus)')
    .option('--cpus <n>', 'CPUs that the computes share evenly (default: one for each)')
    .option(
      '--key <file>',
      'OpenSSH public key that may log in as root; may be given several times (default: ~/.ssh/id_ed25519.pub)',
      repeatable,
    )
    .option('--memory <MiB>', 'N for every node, or FRONTEND:COMPUTE (default: 2048)')
    .option('--add-iface <a,b>', 'further interfaces on every node, in these networks of the site')
    .option('--hours <n>', 'stop it after so long, destroy it a day later (default: as long as the site lets it live)')
    .option('--wait', 'wait until it runs, or has failed')
    .addOption(
      new Option('--dry-run', 'say where it would go, and why it would be refused; nothing is made').conflicts([
        'wait',
        'idempotencyKey',
      ]),
    )
    .option('--idempotency-key <key>', 'of an earlier try that got no answer: goes on with it, makes no second cluster')
    .action((image: string, options: CreateOptions, command: Command) => create(image, options, command, interruption));
}

interface CreateOptions {
  readonly site: string;
  readonly computes?: string;
  readonly cpus?: string;
  readonly key?: readonly string[];
  readonly memory?: string;
  readonly addIface?: string;
  readonly hours?: string;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  readonly idempotencyKey?: string;
}

async function create(image: string, options: CreateOptions, command: Command, interruption: AbortSignal) {
  const idempotencyKey = requireIdempotencyKey(options.idempotencyKey ?? ulid());
  const body = {
    ...parseImage(image),
    siteId: options.site,
    ...(options.computes !== undefined && { computes: wholeNumber(options.computes, '--computes') }),
    ...(options.cpus !== undefined && { cpus: wholeNumber(options.cpus, '--cpus') }),
    sshPublicKeys: await readSshKeys(options.key),
    ...(options.memory !== undefined && { memoryMiB: parseMemory(options.memory) }),
    ...(options.addIface !== undefined && { extraInterfaces: parseNetworks(options.addIface) }),
    ...(options.hours !== undefined && { hours: wholeNumber(options.hours, '--hours', { min: 1, max: MAX_HOURS }) }),
  };
  const api = await openApi();
  if (options.dryRun) {
    await unlessAborted(checkOnly(api, body, command), interruption);
    return;
  }
  const request = { method: 'POST', path: '/v1/deployments', body, answer: deploymentResponse } as const;
  const headers = { 'idempotency-key': idempotencyKey };
  const answered = repeatUntilAnswered(() => api.call({ ...request, headers }));
  const { deployment } = await unlessAborted(answered, interruption).catch((error: unknown) => {
    throw tellHowToGoOn(error, idempotencyKey);
  });
  say(`accepted as ${deployment.deploymentId} at ${deployment.siteId}`);
  warnOfDeprecation(deployment);
  const shown = options.wait ? await watchDeployment(api, deployment.deploymentId) : deployment;
  printData(command, shown, describeDeployment);
  if (options.wait) requireNotFailed(shown);
}

/** Ends as the request itself would. */
async function checkOnly(
  api: ApiClient,
  body: { readonly extraInterfaces?: readonly string[] },
  command: Command,
): Promise<void> {
  const { extraInterfaces } = body;
  const path = '/v1/deployments/dry-run';
  const { check } = await api.call({ method: 'POST', path, body, answer: deploymentCheckResponse });
  printData(command, check, describeCheck);
  if (extraInterfaces !== undefined && !check.refusal) {
    say(
      `Whether the site has ${extraInterfaces.join(', ')} its agent alone knows: where it has not, the deployment ends FAILED.`,
    );
  }
  if (check.refusal) requireNotFailed({ phase: 'FAILED', failure: check.refusal });
}

/** Errors after which nobody knows whether the deployment was accepted. */
function tellHowToGoOn(error: unknown, idempotencyKey: string): unknown {
  if (!hasCode(error, 'SERVICE_UNAVAILABLE', 'THROTTLED', 'INTERNAL', 'CANCELED')) return error;
  return new EdgebootError(error.code, error.message, {
    remedy:
      'It may have been accepted all the same. To go on without making a second cluster, ' +
      `repeat the command with --idempotency-key ${idempotencyKey}`,
    cause: error,
  });
}

function requireIdempotencyKey(key: string): string {
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw new EdgebootError('USAGE', '--idempotency-key must be 8 to 64 letters, digits, - or _');
}

function parseNetworks(text: string): string[] {
  const names = text.split(',');
  const wrong = names.find((name) => !NETWORK_NAME.safeParse(name).success);
  if (wrong === undefined) return names;
  throw new EdgebootError('USAGE', `--add-iface: ${JSON.stringify(wrong)} is no name of a network`, {
    remedy:
      "Name networks of the site, with commas: --add-iface storage,backup. Their addresses are the site's affair.",
  });
}

function parseMemory(text: string): { frontend: number; compute: number } {
  const [frontend = 0, compute = frontend, ...more] = text.split(':').map((part) => wholeNumber(part, '--memory'));
  if (more.length > 0)
    throw new EdgebootError('USAGE', `--memory is N or FRONTEND:COMPUTE, not ${JSON.stringify(text)}`);
  return { frontend, compute };
}

async function readSshKeys(
  files: readonly string[] = [path.join(homedir(), '.ssh/id_ed25519.pub')],
): Promise<string[]> {
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8').catch(() => {
        throw new EdgebootError('USAGE', `cannot read the public key ${file}`, { remedy: 'Name one with --key FILE.' });
      });
      const key = text.trim();
      if (SSH_PUBLIC_KEY.safeParse(key).success) return key;
      throw new EdgebootError('USAGE', `${file} is not one OpenSSH public key`, {
        remedy: 'Name the public half, which ssh-keygen puts into a file ending with .pub.',
      });
    }),
  );
}
