/** `edgeboot deployment`: create, list, show, destroy. */
import { Command } from 'commander';
import type { ApiClient } from '#shared/api-client.ts';
import { deploymentListResponse, deploymentResponse } from '#shared/api.ts';
import type { Deployment } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { ULID } from '#shared/names.ts';
import { describeDeployment, deploymentTable } from '../deployment-text.ts';
import { wholeNumber } from '../option-values.ts';
import { printData, say } from '../output.ts';
import { requireNotFailed } from '../require-not-failed.ts';
import { openApi } from '../session.ts';
import { watchDeployment } from '../watch-deployment.ts';
import { createDeploymentCommand } from './create-deployment.ts';

/** @param interruption Ctrl-C */
export function deploymentCommand(interruption: AbortSignal): Command {
  const deployment = new Command('deployment').description('Clusters: images booted at a site.');
  deployment.addCommand(createDeploymentCommand(interruption));
  deployment
    .command('list')
    .description('List your deployments, newest first.')
    .option('--limit <n>', 'at most so many', '100')
    .action(list);
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

async function list(options: { limit: string }, command: Command): Promise<void> {
  const limit = wholeNumber(options.limit, '--limit', { min: 1 });
  const { deployments, isAll } = await newestDeployments(await openApi(), limit);
  printData(command, deployments, deploymentTable);
  if (!isAll) say(`There are older ones: see them with a --limit above ${limit}.`);
}

/** The API answers a page at a time; `nextBefore` is where the next one begins. */
async function newestDeployments(api: ApiClient, limit: number) {
  const deployments: Deployment[] = [];
  let before: string | undefined;
  do {
    const page = await api.call({
      method: 'GET',
      path: '/v1/deployments',
      ...(before !== undefined && { query: { before } }),
      answer: deploymentListResponse,
    });
    deployments.push(...page.deployments);
    before = page.nextBefore;
  } while (before !== undefined && deployments.length < limit);
  return { deployments: deployments.slice(0, limit), isAll: before === undefined && deployments.length <= limit };
}

async function show(deploymentId: string, options: { watch?: boolean }, command: Command): Promise<void> {
  const path = `/v1/deployments/${requireId(deploymentId)}`;
  const api = await openApi();
  const deployment = options.watch
    ? await watchDeployment(api, deploymentId)
    : (await api.call({ method: 'GET', path, answer: deploymentResponse })).deployment;
  printData(command, deployment, describeDeployment);
  if (options.watch) requireNotFailed(deployment);
}

async function destroy(deploymentId: string, options: { wait?: boolean }, command: Command): Promise<void> {
  const path = `/v1/deployments/${requireId(deploymentId)}`;
  const api = await openApi();
  const { deployment } = await api.call({ method: 'DELETE', path, answer: deploymentResponse });
  const shown = options.wait ? await watchDeployment(api, deploymentId, deployment.version) : deployment;
  printData(command, shown, describeDeployment);
}

function requireId(deploymentId: string): string {
  if (ULID.safeParse(deploymentId).success) return deploymentId;
  throw new EdgebootError('USAGE', `${JSON.stringify(deploymentId)} is no deployment id`, {
    remedy: 'See yours: edgeboot deployment list.',
  });
}
