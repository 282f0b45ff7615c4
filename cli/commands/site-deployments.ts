/** `edgeboot site deployments`: what is at a site, whoever's it is. */
import { Command } from 'commander';
import { siteDeploymentTable } from '../deployment-text.ts';
import { newestDeployments, sayThereAreOlder } from '../newest-deployments.ts';
import { wholeNumber } from '../option-values.ts';
import { printData } from '../output.ts';
import { openApi } from '../session.ts';
import { requireSiteId } from '../warmings.ts';

export function siteDeploymentsCommand(): Command {
  return new Command('deployments')
    .description(
      "For the site's operators: list the deployments there that are not over, newest first. It is on record.",
    )
    .argument('<site>', 'its id')
    .option('--limit <n>', 'at most so many', '100')
    .option('--next <token>', 'go on where an earlier list ended')
    .action(list);
}

async function list(siteId: string, options: { limit: string; next?: string }, command: Command): Promise<void> {
  const path = `/v1/sites/${requireSiteId(siteId)}/deployments`;
  const limit = wholeNumber(options.limit, '--limit', { min: 1 });
  const { deployments, next } = await newestDeployments(await openApi(), path, {}, limit, options.next);
  printData(command, deployments, siteDeploymentTable);
  sayThereAreOlder(next);
}
