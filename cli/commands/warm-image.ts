/** `edgeboot image warm` and `edgeboot image warming`: an image, made fast at a site before anybody deploys it there. */
import { Command } from 'commander';
import { EdgebootError } from '#shared/errors.ts';
import { ULID } from '#shared/names.ts';
import { IMAGE_ARGUMENT, parseImage } from '../image-reference.ts';
import { printData } from '../output.ts';
import { requireNotFailed } from '../require-not-failed.ts';
import { openApi } from '../session.ts';
import { readWarming, requestWarming, requireSiteId, watchWarming } from '../warmings.ts';
import { describeWarming } from '../warming-text.ts';

export function warmCommands(): Command[] {
  const warm = new Command('warm')
    .description('Pull an image through the edge nearest to a site, so that deploying it there is fast.')
    .argument('<image>', IMAGE_ARGUMENT)
    .requiredOption('--site <site>', 'where; see edgeboot site list')
    .option('--keep', "put it into the site's own cache, too: deploying it fetches nothing then")
    .option('--wait', 'wait until it is done, or has failed')
    .action(warmImage);
  const warming = new Command('warming')
    .description('Show how a warming goes, or how it went.')
    .argument('<warming>', 'its id')
    .option('--wait', 'wait until it is done, or has failed')
    .action(show);
  return [warm, warming];
}

interface WarmOptions {
  readonly site: string;
  readonly keep?: boolean;
  readonly wait?: boolean;
}

async function warmImage(image: string, { site, keep = false, wait }: WarmOptions, command: Command): Promise<void> {
  const wish = { ...parseImage(image), siteId: requireSiteId(site), keep };
  const api = await openApi();
  const accepted = await requestWarming(api, wish);
  const shown = wait ? await watchWarming(api, accepted.warmingId) : accepted;
  printData(command, shown, describeWarming);
  if (wait) requireNotFailed(shown);
}

async function show(warmingId: string, { wait }: { wait?: boolean }, command: Command): Promise<void> {
  if (!ULID.safeParse(warmingId).success) {
    throw new EdgebootError('USAGE', `${JSON.stringify(warmingId)} is no id of a warming`, {
      remedy: 'edgeboot image warm says it.',
    });
  }
  const api = await openApi();
  const warming = wait ? await watchWarming(api, warmingId) : (await readWarming(api, warmingId)).warming;
  printData(command, warming, describeWarming);
  if (wait) requireNotFailed(warming);
}
