/** `edgeboot image channel`, `share`, `deprecate`, `recall` and `delete`: what an owner does with an image that is published. */
import { Command } from 'commander';
import {
  deleteVersionResponse,
  imageSchema,
  imageVersionSchema,
  type Recalled,
  recallResponse,
} from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { REASON, type Sharing, sharingSchema } from '#shared/image/catalog.ts';
import { requireImageName } from '../image-name.ts';
import { parseImageChannel, parseImageVersion } from '../image-reference.ts';
import { describeImage, describeVerdict } from '../image-text.ts';
import { wholeNumber } from '../option-values.ts';
import { printData, say, table } from '../output.ts';
import { openApi } from '../session.ts';

export function manageCommands(): Command[] {
  const channel = new Command('channel').description('Channels: names that point at a version and move forward.');
  channel
    .command('set')
    .description('Point a channel at a version: a new one, or one that moves forward.')
    .argument('<channel>', 'NAME@CHANNEL, for example hpc-base@stable')
    .argument('<version>', 'a number')
    .action(setChannel);
  channel
    .command('remove')
    .description('Remove a channel. What was deployed by it goes on; set again, it goes on from where it was.')
    .argument('<channel>', 'NAME@CHANNEL')
    .action(removeChannel);
  const share = new Command('share')
    .description('Say who may see an image, and therefore deploy it. Every member may, unless it was said.')
    .argument('<name>')
    .option('--members', 'every member of the federation')
    .option('--groups <a,b>', 'members of these groups')
    .option('--private', 'nobody but its owner')
    .action(shareImage);
  const deprecate = new Command('deprecate')
    .description('Warn those who deploy a version.')
    .argument('<image>', 'NAME@VERSION')
    .option('--reason <text>', 'what they are told')
    .option('--undo', 'take it back')
    .action(deprecateVersion);
  const recall = new Command('recall')
    .description('Refuse a version to everybody, for ever. Prints who uses it. Operators of the federation may, too.')
    .argument('<image>', 'NAME@VERSION')
    .requiredOption('--reason <text>', 'what members are told')
    .action(recallVersion);
  const remove = new Command('delete')
    .description('Delete a version that no channel points at and no deployment uses.')
    .argument('<image>', 'NAME@VERSION')
    .action(deleteVersion);
  return [channel, share, deprecate, recall, remove];
}

async function setChannel(reference: string, number: string, _options: unknown, command: Command): Promise<void> {
  const path = channelPath(reference);
  const body = { version: wholeNumber(number, 'VERSION', { min: 1 }) };
  const api = await openApi();
  printData(command, await api.call({ method: 'PUT', path, body, answer: imageSchema }), describeImage);
}

async function removeChannel(reference: string, _options: unknown, command: Command): Promise<void> {
  const path = channelPath(reference);
  const api = await openApi();
  printData(command, await api.call({ method: 'DELETE', path, answer: imageSchema }), describeImage);
}

interface ShareOptions {
  readonly members?: boolean;
  readonly groups?: string;
  readonly private?: boolean;
}

async function shareImage(name: string, options: ShareOptions, command: Command): Promise<void> {
  const path = `/v1/images/${requireImageName(name)}/sharing`;
  const body = { sharing: parseSharing(options) };
  const api = await openApi();
  printData(command, await api.call({ method: 'PUT', path, body, answer: imageSchema }), describeImage);
}

interface DeprecateOptions {
  readonly reason?: string;
  readonly undo?: boolean;
}

async function deprecateVersion(reference: string, { reason, undo }: DeprecateOptions, command: Command) {
  const path = `${versionPath(reference)}/deprecation`;
  if ((reason === undefined) !== (undo === true)) throw new EdgebootError('USAGE', 'give --reason TEXT, or --undo');
  const change =
    reason === undefined
      ? ({ method: 'DELETE', path } as const)
      : ({ method: 'PUT', path, body: { reason: requireReason(reason) } } as const);
  const api = await openApi();
  const version = await api.call({ ...change, answer: imageVersionSchema });
  printData(command, version, (one) => describeVerdict(one) ?? `${one.version} is not deprecated`);
}

async function recallVersion(reference: string, { reason }: { reason: string }, command: Command): Promise<void> {
  const path = `${versionPath(reference)}/recall`;
  const body = { reason: requireReason(reason) };
  const api = await openApi();
  const recalled = await api.call({ method: 'PUT', path, body, answer: recallResponse });
  printData(command, recalled, describeRecalled);
  if (recalled.deployments.length > 0) say('The deployments that use it go on: tell their members.');
}

function describeRecalled({ version, deployments }: Recalled): string {
  const said = describeVerdict(version) ?? '';
  if (deployments.length === 0) return `${said}\nNo deployment uses it.`;
  const rows = deployments.map(({ deploymentId, memberId, siteId }) => [deploymentId, memberId, siteId]);
  return `${said}\n${table([['DEPLOYMENT', 'MEMBER', 'SITE'], ...rows])}`;
}

async function deleteVersion(reference: string, _options: unknown, command: Command): Promise<void> {
  const path = versionPath(reference);
  const api = await openApi();
  const deleted = await api.call({ method: 'DELETE', path, answer: deleteVersionResponse });
  printData(command, deleted, ({ imageName, version }) => `${imageName}@${version} is deleted`);
}

function channelPath(reference: string): string {
  const { imageName, imageChannel } = parseImageChannel(reference);
  return `/v1/images/${imageName}/channels/${imageChannel}`;
}

function versionPath(reference: string): string {
  const { imageName, imageVersion } = parseImageVersion(reference);
  return `/v1/images/${imageName}/versions/${imageVersion}`;
}

/** Throws USAGE. */
function parseSharing({ members, groups, private: isPrivate }: ShareOptions): Sharing {
  const wishes: Sharing[] = [
    ...(members ? [{ with: 'members' } as const] : []),
    ...(groups === undefined
      ? []
      : [{ with: 'groups', groups: groups.split(',').map((group) => group.trim()) } as const]),
    ...(isPrivate ? [{ with: 'owner' } as const] : []),
  ];
  const [wish] = wishes;
  if (wish === undefined || wishes.length > 1) {
    throw new EdgebootError('USAGE', 'give one of --members, --groups A,B and --private');
  }
  if (sharingSchema.safeParse(wish).success) return wish;
  throw new EdgebootError(
    'USAGE',
    '--groups takes up to 32 names of groups, with commas between them: letters, digits and . _ @ : -',
  );
}

/** Throws USAGE. */
function requireReason(reason: string): string {
  const { data } = REASON.safeParse(reason);
  if (data !== undefined) return data;
  throw new EdgebootError('USAGE', '--reason takes a text of 1 to 500 characters');
}
