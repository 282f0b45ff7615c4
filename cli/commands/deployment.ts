/** `edgeboot deployment`: create, list, show, destroy. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { deploymentListResponse, deploymentResponse } from '#shared/api.ts';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError, isErrorCode } from '#shared/errors.ts';
import { SSH_PUBLIC_KEY, ULID } from '#shared/names.ts';
import { ulid } from 'ulid';
import { describeDeployment, deploymentTable } from '../deployment-text.ts';
import { printData, say } from '../output.ts';
import { openApi } from '../session.ts';
import { watchDeployment } from '../watch-deployment.ts';

export function deploymentCommand(): Command {
  const deployment = new Command('deployment').description('Clusters: images booted at a site.');
  deployment
    .command('create')
    .description('Deploy an image at a site. Prints the deployment; --wait waits until it runs.')
    .argument('<image>', 'NAME, or NAME@VERSION')
    .requiredOption('--site <site>', 'where')
    .option('--computes <n>', 'number of compute nodes', '0')
    .option('--key <file...>', 'OpenSSH public keys that may log in as root (default: ~/.ssh/id_ed25519.pub)')
    .option('--memory <MiB>', 'N for every node, or FRONTEND:COMPUTE')
    .option('--wait', 'wait until it runs, or failed')
    .action(create);
  deployment.command('list').description('List your deployments, newest first.').action(list);
  deployment
    .command('show')
    .description('Show a deployment.')
    .argument('<deployment>', 'its id')
    .option('--watch', 'follow its history until it runs, or is at its end')
    .action(show);
  deployment
    .command('destroy')
    .description('Destroy a cluster and everything on its disks.')
    .argument('<deployment>', 'its id')
    .option('--wait', 'wait until it is gone')
    .action(destroy);
  return deployment;
}

interface CreateOptions {
  readonly site: string;
  readonly computes: string;
  readonly key?: string[];
  readonly memory?: string;
  readonly wait?: boolean;
}

async function create(image: string, options: CreateOptions, command: Command): Promise<void> {
  const [, imageName, versionText] = /^([^@]+)(?:@(\d+))?$/.exec(image) ?? [];
  if (imageName === undefined) throw new EdgebootError('USAGE', `${image} is neither NAME nor NAME@VERSION`);
  const body = {
    imageName,
    ...(versionText !== undefined && { imageVersion: Number(versionText) }),
    siteId: options.site,
    computes: wholeNumber(options.computes, '--computes'),
    sshPublicKeys: await readSshKeys(options.key),
    ...(options.memory !== undefined && { memoryMiB: parseMemory(options.memory) }),
  };
  const api = await openApi();
  const { deployment } = await api.call({
    method: 'POST',
    path: '/v1/deployments',
    body,
    headers: { 'idempotency-key': ulid() },
    answer: deploymentResponse,
  });
  say(`accepted as ${deployment.deploymentId}`);
  const shown = options.wait ? await watchDeployment(api, deployment.deploymentId) : deployment;
  printData(command, shown, describeDeployment);
  if (options.wait) requireNotFailed(shown);
}

async function list(_options: unknown, command: Command): Promise<void> {
  const api = await openApi();
  const { deployments } = await api.call({ method: 'GET', path: '/v1/deployments', answer: deploymentListResponse });
  printData(command, deployments, deploymentTable);
}

async function show(deploymentId: string, options: { watch?: boolean }, command: Command): Promise<void> {
  const api = await openApi();
  const path = `/v1/deployments/${requireId(deploymentId)}`;
  const deployment = options.watch
    ? await watchDeployment(api, deploymentId)
    : (await api.call({ method: 'GET', path, answer: deploymentResponse })).deployment;
  printData(command, deployment, describeDeployment);
  if (options.watch) requireNotFailed(deployment);
}

async function destroy(deploymentId: string, options: { wait?: boolean }, command: Command): Promise<void> {
  const api = await openApi();
  const path = `/v1/deployments/${requireId(deploymentId)}`;
  const { deployment } = await api.call({ method: 'DELETE', path, answer: deploymentResponse });
  const shown = options.wait ? await watchDeployment(api, deploymentId, deployment.version) : deployment;
  printData(command, shown, describeDeployment);
}

/** A watched deployment that failed is the command's failure, too, with the agent's own words. */
function requireNotFailed({ phase, failure }: Deployment): void {
  if (phase !== 'FAILED') return;
  const code = failure?.code ?? 'INTERNAL';
  throw new EdgebootError(isErrorCode(code) ? code : 'INTERNAL', failure?.message ?? 'the deployment failed', {
    ...(failure && { remedy: failure.remedy }),
  });
}

function requireId(deploymentId: string): string {
  if (ULID.safeParse(deploymentId).success) return deploymentId;
  throw new EdgebootError('USAGE', `${JSON.stringify(deploymentId)} is no deployment id`, {
    remedy: 'See yours: edgeboot deployment list.',
  });
}

function wholeNumber(text: string, option: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new EdgebootError('USAGE', `${option} must be a whole number, not ${JSON.stringify(text)}`);
}

function parseMemory(text: string): { frontend: number; compute: number } {
  const [frontend, compute] = text.split(':').map((part) => wholeNumber(part, '--memory'));
  return { frontend: frontend ?? 0, compute: compute ?? frontend ?? 0 };
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
      throw new EdgebootError('USAGE', `${file} is not one OpenSSH public key`);
    }),
  );
}
