/** `edgeboot deployment list`: what matches, newest first. */
import { Command } from 'commander';
import { PHASES } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { MEMBER_ID } from '#shared/names.ts';
import { deploymentTable } from '../deployment-text.ts';
import { requireImageName } from '../image-name.ts';
import { parseImage } from '../image-reference.ts';
import { wholeNumber } from '../option-values.ts';
import { newestDeployments, type Query, sayThereAreOlder } from '../newest-deployments.ts';
import { printData } from '../output.ts';
import { openApi } from '../session.ts';
import { requireSiteId } from '../warmings.ts';

export function listDeploymentsCommand(): Command {
  return new Command('list')
    .description('List your deployments, newest first: all, or those that every filter given lets through.')
    .option('--site <site>', 'at this site')
    .option('--image <image>', 'of NAME, or NAME@VERSION')
    .option('--phase <a,b>', 'in one of these phases, for example running')
    .option('--member <member>', "this member's instead of yours, for operators of the federation")
    .option('--limit <n>', 'at most so many', '100')
    .option('--next <token>', 'go on where an earlier list, with the same filters, ended')
    .action(list);
}

interface ListOptions {
  readonly site?: string;
  readonly image?: string;
  readonly phase?: string;
  readonly member?: string;
  readonly limit: string;
  readonly next?: string;
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const limit = wholeNumber(options.limit, '--limit', { min: 1 });
  const filters = filtersOf(options);
  const { deployments, next } = await newestDeployments(
    await openApi(),
    '/v1/deployments',
    filters,
    limit,
    options.next,
  );
  printData(command, deployments, deploymentTable);
  sayThereAreOlder(next);
}

/** Throws USAGE. */
function filtersOf({ site, image, phase, member }: ListOptions): Query {
  return {
    ...(site !== undefined && { siteId: requireSiteId(site) }),
    ...(image !== undefined && imageFilter(image)),
    ...(phase !== undefined && { phase: requirePhases(phase) }),
    ...(member !== undefined && { memberId: requireMemberId(member) }),
  };
}

function imageFilter(image: string): Query {
  const { imageName, imageVersion, imageChannel } = parseImage(image);
  if (imageChannel !== undefined) {
    throw new EdgebootError('USAGE', `--image ${JSON.stringify(image)}: a deployment has a version, and no channel`, {
      remedy: `See where the channel points: edgeboot image show ${imageName}.`,
    });
  }
  return {
    imageName: requireImageName(imageName),
    ...(imageVersion !== undefined && { imageVersion: String(imageVersion) }),
  };
}

function requirePhases(text: string): string {
  const phases = text.toUpperCase().split(',');
  const known: readonly string[] = PHASES;
  if (phases.every((phase) => known.includes(phase))) return phases.join(',');
  throw new EdgebootError('USAGE', `--phase ${JSON.stringify(text)}: phases are ${PHASES.join(', ').toLowerCase()}`);
}

function requireMemberId(member: string): string {
  if (MEMBER_ID.safeParse(member).success) return member;
  throw new EdgebootError('USAGE', `${JSON.stringify(member)} can be no member's id`);
}
