/** `edgeboot deployment`: show, extend, stop, start, scale, destroy; the other commands have files of their own. */
import { Command } from 'commander';
import { deploymentResponse, showDeploymentResponse, type ShownDeployment } from '#shared/api/deployments.ts';
import { EdgebootError } from '#shared/errors.ts';
import { ULID } from '#shared/names.ts';
import { MAX_HOURS } from '#shared/site-access.ts';
import { describeDeployment } from '../deployment-text.ts';
import { wholeNumber } from '../option-values.ts';
import { printData, say } from '../output.ts';
import { requireNotFailed } from '../require-not-failed.ts';
import { openApi } from '../session.ts';
import { watchDeployment } from '../watch-deployment.ts';
import { createDeploymentCommand } from './create-deployment.ts';
import { listDeploymentsCommand } from './list-deployments.ts';

/** @param interruption Ctrl-C */
export function deploymentCommand(interruption: AbortSignal): Command {
  const deployment = new Command('deployment').description('Clusters: images booted at a site.');
  deployment.addCommand(createDeploymentCommand(interruption));
  deployment.addCommand(listDeploymentsCommand());
  deployment
    .command('show')
    .description('Show a deployment.')
    .argument('<deployment>', 'its id')
    .option('--watch', 'follow its history until it is as it is wished, or at its end')
    .action(show);
  deployment
    .command('extend')
    .description(
      'Put the end of a cluster off, under the rules that its site has for new ones now; until it is destroyed, a day after its end.',
    )
    .argument('<deployment>', 'its id')
    .requiredOption('--hours <n>', 'it then ends so many hours from now')
    .action(extend);
  deployment
    .command('stop')
    .description('Shut the nodes of a cluster down. Disks and addresses stay, and so does what it takes of the quota.')
    .argument('<deployment>', 'its id')
    .option('--wait', 'wait until it is off')
    .action(stop);
  deployment
    .command('start')
    .description('Boot a cluster that is off again, under the rules that its site has for new ones now.')
    .argument('<deployment>', 'its id')
    .option('--wait', 'wait until it runs')
    .action(start);
  deployment
    .command('scale')
    .description(
      'Give a cluster that runs more computes, under the rules that its site has for new ones now, or fewer.',
    )
    .argument('<deployment>', 'its id')
    .requiredOption('--computes <n>', 'how many it is to have; what those hold that go, the last ones, is lost')
    .option('--wait', 'wait until it is so')
    .action(scale);
  deployment
    .command('destroy')
    .description('Destroy a cluster and everything on its disks.')
    .argument('<deployment>', 'its id')
    .option('--wait', 'wait until it is gone')
    .action(destroy);
  return deployment;
}

async function show(deploymentId: string, options: { watch?: boolean }, command: Command): Promise<void> {
  const path = `/v1/deployments/${requireId(deploymentId)}`;
  const api = await openApi();
  const deployment = options.watch
    ? await watchDeployment(api, deploymentId)
    : (await api.call({ method: 'GET', path, answer: showDeploymentResponse })).deployment;
  printData(command, deployment, describeDeployment);
  if (options.watch) requireNotFailed(deployment);
}

async function extend(deploymentId: string, options: { hours: string }, command: Command): Promise<void> {
  const path = `/v1/deployments/${requireId(deploymentId)}/extend`;
  const body = { hours: wholeNumber(options.hours, '--hours', { min: 1, max: MAX_HOURS }) };
  const api = await openApi();
  const { deployment } = await api.call({ method: 'POST', path, body, answer: deploymentResponse });
  printData(command, deployment, describeDeployment);
  if (deployment.desired.power === 'off') say(`It is off. To have it run: edgeboot deployment start ${deploymentId}`);
}

async function stop(deploymentId: string, options: { wait?: boolean }, command: Command): Promise<void> {
  printData(command, await steer(deploymentId, 'stop', options), describeDeployment);
}

async function start(deploymentId: string, options: { wait?: boolean }, command: Command): Promise<void> {
  const shown = await steer(deploymentId, 'start', options);
  printData(command, shown, describeDeployment);
  if (options.wait) requireNotFailed(shown);
}

interface ScaleOptions {
  readonly computes: string;
  readonly wait?: boolean;
}

async function scale(deploymentId: string, options: ScaleOptions, command: Command): Promise<void> {
  const body = { computes: wholeNumber(options.computes, '--computes') };
  const shown = await steer(deploymentId, 'scale', options, body);
  printData(command, shown, describeDeployment);
  if (options.wait) requireNotFailed(shown);
}

async function steer(
  deploymentId: string,
  verb: 'stop' | 'start' | 'scale',
  options: { readonly wait?: boolean },
  body?: object,
): Promise<ShownDeployment> {
  const path = `/v1/deployments/${requireId(deploymentId)}/${verb}`;
  const api = await openApi();
  const { deployment } = await api.call({ method: 'POST', path, body, answer: deploymentResponse });
  return options.wait ? watchDeployment(api, deploymentId, deployment.version) : deployment;
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
