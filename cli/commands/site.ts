/** `edgeboot site`: the sites of the federation. */
import { Command } from 'commander';
import { registerSiteResponse, type Site, siteListResponse } from '#shared/api.ts';
import { repeatable } from '../option-values.ts';
import { printData, say, table } from '../output.ts';
import { openApi } from '../session.ts';

export function siteCommand(): Command {
  const site = new Command('site').description('The sites of the federation.');
  site
    .command('list')
    .description('List sites: who may deploy there, what is free, when each was last seen.')
    .action(async (_options: unknown, command: Command) => {
      const api = await openApi();
      const { sites } = await api.call({ method: 'GET', path: '/v1/sites', answer: siteListResponse });
      printData(command, sites, (all) => table([HEADING, ...all.map(row)]));
    });
  site
    .command('register')
    .description("For federation operators: register a site, or renew its token. Prints its agent's one-time token.")
    .argument('<site>', 'letters, digits and hyphens; never changes')
    .requiredOption('--group <group>', 'its members may deploy there; may be given several times', repeatable)
    .option('--name <name>', 'as people call it')
    .option('--egress <address>', "the IPv4 address that the site's requests come from: binds signed URLs to it")
    .action(
      async (
        siteId: string,
        options: { group: readonly string[]; name?: string; egress?: string },
        command: Command,
      ) => {
        const api = await openApi();
        const body = {
          siteId,
          displayName: options.name ?? siteId,
          deployerGroups: options.group,
          ...(options.egress !== undefined && { egressAddress: options.egress }),
        };
        const answer = await api.call({ method: 'POST', path: '/v1/sites', body, answer: registerSiteResponse });
        say(`Run this at the site within a day: edgeboot-agent enroll TOKEN`);
        printData(command, answer, ({ enrollmentToken }) => enrollmentToken);
      },
    );
  return site;
}

const HEADING = ['SITE', 'NAME', 'DEPLOYERS', 'FREE CPUS', 'FREE MEMORY', 'FREE ADDRESSES', 'LAST SEEN'];

function row({ siteId, displayName, deployerGroups, enrolled, free, lastSeen }: Site): string[] {
  return [
    siteId,
    displayName,
    deployerGroups.join(','),
    String(free?.cpus ?? '-'),
    free ? `${free.memoryMiB} MiB` : '-',
    String(free?.publicAddresses ?? '-'),
    lastSeen ?? (enrolled ? 'never' : 'not enrolled'),
  ];
}
