/** `edgeboot site grants`: who may use a site. What it prints is what it takes: print, edit, set. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Command } from 'commander';
import type { ApiClient } from '#shared/api-client.ts';
import { setSiteAccessRequest, siteAccessResponse } from '#shared/api/sites.ts';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import type { SiteAccess } from '#shared/site-access.ts';
import { parse, stringify } from 'yaml';
import * as z from 'zod';
import { printData, say } from '../output.ts';
import { openApi } from '../session.ts';
import { requireSiteId } from '../warmings.ts';

const HELP = `
A file, YAML or JSON:
  version: 3                        # the one that you edited; left out: whatever is there now is replaced
  grants:
    - groups: [members]             # or  member: alice
      images: [hpc-base, hpc-gpu]   # or  all
      quota: { maxCpus: 16, maxClusters: 2, maxHours: 72 }   # of each member; a limit that is left out is none
    - member: alice
  vetoes:                           # refused, whatever a grant says
    members: [mallory]
    images: [hpc-old]

Of several grants that fit, the widest limit of each kind counts. To change them:
  edgeboot site grants SITE > grants.yaml
  edgeboot site grants SITE --set grants.yaml`;

const fileSchema = setSiteAccessRequest.partial({ version: true });

export function siteGrantsCommand(): Command {
  return new Command('grants')
    .description("For the site's operators: print who may use the site, and how much of it; or set it.")
    .argument('<site>', 'its id')
    .option('--set <file>', 'replace all grants and vetoes by those of the file; - reads standard input')
    .addHelpText('after', HELP)
    .action(grants);
}

async function grants(siteId: string, { set: file }: { set?: string }, command: Command): Promise<void> {
  const path = `/v1/sites/${requireSiteId(siteId)}/grants`;
  const wished = file === undefined ? undefined : await readWished(file);
  const api = await openApi();
  const access = wished === undefined ? await readAccess(api, path) : await setAccess(api, path, wished);
  if (wished !== undefined) say(`Grants of ${siteId}, version ${access.version}; clusters that are there go on.`);
  printData(command, access, (shown) => stringify(shown).trimEnd());
}

async function readAccess(api: ApiClient, path: string): Promise<SiteAccess> {
  return (await api.call({ method: 'GET', path, answer: siteAccessResponse })).access;
}

async function setAccess(api: ApiClient, path: string, wished: z.infer<typeof fileSchema>): Promise<SiteAccess> {
  const version = wished.version ?? (await readAccess(api, path)).version;
  return (await api.call({ method: 'PUT', path, body: { ...wished, version }, answer: siteAccessResponse })).access;
}

/** Throws USAGE. */
async function readWished(file: string): Promise<z.infer<typeof fileSchema>> {
  const wished = fileSchema.safeParse(await readDocument(file));
  if (wished.success) return wished.data;
  throw new EdgebootError('USAGE', `${nameOf(file)} holds no grants: ${z.prettifyError(wished.error)}`, {
    remedy: 'See how they are written: edgeboot site grants --help.',
  });
}

async function readDocument(file: string): Promise<unknown> {
  try {
    return parse(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'));
  } catch (error) {
    throw new EdgebootError('USAGE', `${nameOf(file)} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

const nameOf = (file: string): string => (file === '-' ? 'standard input' : file);
