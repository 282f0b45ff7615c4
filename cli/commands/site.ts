/** `edgeboot site`: the sites of the federation, and what their operators do. */
import { Command } from 'commander';
import { ulid } from 'ulid';
import { registerSiteResponse, showSiteResponse, siteListResponse, siteResponse } from '#shared/api/sites.ts';
import { repeatable } from '../option-values.ts';
import { printData, say } from '../output.ts';
import { repeatUntilAnswered } from '../repeat-until-answered.ts';
import { openApi } from '../session.ts';
import { describeSite, showSite, siteTable } from '../site-text.ts';
import { requireSiteId } from '../warmings.ts';
import { siteDeploymentsCommand } from './site-deployments.ts';
import { siteGrantsCommand } from './site-grants.ts';

export function siteCommand(): Command {
  const site = new Command('site').description('The sites of the federation.');
  site
    .command('list')
    .description(
      'List sites: whether you may deploy there, whether they take new work, what is free and cached, last seen.',
    )
    .action(list);
  site
    .command('show')
    .description('Show a site, and which images are cached there, of those that you may see.')
    .argument('<site>', 'its id')
    .action(show);
  site
    .command('register')
    .description("For federation operators: register a site, or renew its token. Prints its agent's one-time token.")
    .argument('<site>', 'letters, digits and hyphens; never changes')
    .option(
      '--group <group>',
      'for a new site: its members may deploy there, without limits; may be given several times',
      repeatable,
    )
    .option(
      '--operators <group>',
      'its members operate the site; may be given several times (default: as it was)',
      repeatable,
    )
    .option('--name <name>', 'as people call it')
    .option('--egress <address>', "the IPv4 address that the site's requests come from: binds signed URLs to it")
    .action(register);
  site
    .command('drain')
    .description("For the site's operators: take no new deployments and warmings. What is there goes on.")
    .argument('<site>', 'its id')
    .action(async (siteId: string, _options: unknown, command: Command) => setDraining('PUT', siteId, command));
  site
    .command('resume')
    .description("For the site's operators: take new deployments and warmings again.")
    .argument('<site>', 'its id')
    .action(async (siteId: string, _options: unknown, command: Command) => setDraining('DELETE', siteId, command));
  site.addCommand(siteGrantsCommand());
  site.addCommand(siteDeploymentsCommand());
  return site;
}

async function list(_options: unknown, command: Command): Promise<void> {
  const api = await openApi();
  const { sites } = await api.call({ method: 'GET', path: '/v1/sites', answer: siteListResponse });
  printData(command, sites, siteTable);
}

async function show(siteId: string, _options: unknown, command: Command): Promise<void> {
  const path = `/v1/sites/${requireSiteId(siteId)}`;
  const api = await openApi();
  const { site } = await api.call({ method: 'GET', path, answer: showSiteResponse });
  printData(command, site, showSite);
}

interface RegisterOptions {
  readonly group?: readonly string[];
  readonly operators?: readonly string[];
  readonly name?: string;
  readonly egress?: string;
}

async function register(siteId: string, options: RegisterOptions, command: Command): Promise<void> {
  const api = await openApi();
  const body = {
    siteId,
    displayName: options.name ?? siteId,
    deployerGroups: options.group ?? [],
    ...(options.operators && { operatorGroups: options.operators }),
    ...(options.egress !== undefined && { egressAddress: options.egress }),
  };
  const headers = { 'idempotency-key': ulid() };
  const request = { method: 'POST', path: '/v1/sites', body, headers, answer: registerSiteResponse } as const;
  const answer = await repeatUntilAnswered(() => api.call(request));
  say(`Run this at the site within a day: edgeboot-agent enroll TOKEN`);
  printData(command, answer, ({ enrollmentToken }) => enrollmentToken);
}

async function setDraining(method: 'PUT' | 'DELETE', siteId: string, command: Command): Promise<void> {
  const path = `/v1/sites/${requireSiteId(siteId)}/drain`;
  const api = await openApi();
  const { site } = await api.call({ method, path, answer: siteResponse });
  printData(command, site, describeSite);
}
