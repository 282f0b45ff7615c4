/** `edgeboot image`: list, show, inspect; the other commands have files of their own. */
import { Command } from 'commander';
import { imageListResponse, imageResponse, type ImageVersion } from '#shared/api/images.ts';
import { EdgebootError } from '#shared/errors.ts';
import { versionAt } from '#shared/image/catalog.ts';
import { requireCompliant } from '#shared/image/inspect-disk.ts';
import type * as z from 'zod';
import { explainFindings } from '../explain-findings.ts';
import { requireImageName } from '../image-name.ts';
import { type ImageReference, parseImage } from '../image-reference.ts';
import { describeVersions, imageTable } from '../image-text.ts';
import { printData } from '../output.ts';
import { openDisk } from '../publish/open-disk.ts';
import { openApi } from '../session.ts';
import { importCommand } from './import-image.ts';
import { manageCommands } from './manage-image.ts';
import { packCommand } from './pack-image.ts';
import { publishCommand } from './publish-image.ts';
import { warmCommands } from './warm-image.ts';

export function imageCommand(interruption: AbortSignal): Command {
  const image = new Command('image').description('The images of the federation.');
  image.command('list').description('List the images that you may see.').action(list);
  image
    .command('show')
    .description('Show an image with its versions, or one of them.')
    .argument('<image>', 'NAME, NAME@VERSION, or NAME@CHANNEL')
    .action(show);
  image
    .command('inspect')
    .description('Check a disk file against the image standard, rule by rule. Publishes nothing.')
    .argument('<disk>', 'a raw disk file')
    .action(inspect);
  image.addCommand(publishCommand());
  for (const command of [...warmCommands(), ...manageCommands()]) image.addCommand(command);
  image.addCommand(packCommand(interruption));
  image.addCommand(importCommand(interruption));
  return image;
}

async function list(_options: unknown, command: Command): Promise<void> {
  const api = await openApi();
  const { images } = await api.call({ method: 'GET', path: '/v1/images', answer: imageListResponse });
  printData(command, images, imageTable);
}

async function show(reference: string, _options: unknown, command: Command): Promise<void> {
  const named = parseImage(reference);
  const path = `/v1/images/${requireImageName(named.imageName)}`;
  const api = await openApi();
  const image = await api.call({ method: 'GET', path, answer: imageResponse });
  printData(command, { ...image, versions: versionsOf(image, named) }, describeVersions);
}

/** All, or the one that was named. Throws NOT_FOUND. */
function versionsOf(image: z.infer<typeof imageResponse>, named: ImageReference): ImageVersion[] {
  const { imageName, imageVersion, imageChannel } = named;
  const number = imageChannel === undefined ? imageVersion : versionAt(image.channels, imageChannel);
  if (imageChannel !== undefined && number === undefined) {
    throw new EdgebootError('NOT_FOUND', `the image ${imageName} has no channel ${imageChannel}`, seeAll(imageName));
  }
  const versions = image.versions.filter(({ version }) => number === undefined || version === number);
  if (number === undefined || versions.length > 0) return versions;
  throw new EdgebootError('NOT_FOUND', `the image ${imageName} has no version ${number}`, seeAll(imageName));
}

const seeAll = (imageName: string) => ({ remedy: `See what there is: edgeboot image show ${imageName}.` });

async function inspect(file: string, _options: unknown, command: Command): Promise<void> {
  const disk = await openDisk(file);
  await disk.handle.close();
  printData(command, disk.findings, explainFindings);
  requireCompliant(disk.findings);
}
