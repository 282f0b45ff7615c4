/** `edgeboot image`: list, show, inspect; the other commands have files of their own. */
import { Command } from 'commander';
import { type Image, imageListResponse, imageResponse, type ImageVersion } from '#shared/api.ts';
import { requireCompliant } from '#shared/image/inspect-disk.ts';
import { explainFindings } from '../explain-findings.ts';
import { requireImageName } from '../image-name.ts';
import { formatBytes, printData, table } from '../output.ts';
import { openDisk } from '../publish/open-disk.ts';
import { openApi } from '../session.ts';
import { importCommand } from './import-image.ts';
import { packCommand } from './pack-image.ts';
import { publishCommand } from './publish-image.ts';
import { warmCommands } from './warm-image.ts';

export function imageCommand(interruption: AbortSignal): Command {
  const image = new Command('image').description('The images of the federation.');
  image.command('list').description('List images.').action(list);
  image.command('show').description('Show an image and its versions.').argument('<name>').action(show);
  image
    .command('inspect')
    .description('Check a disk file against the image standard, rule by rule. Publishes nothing.')
    .argument('<disk>', 'a raw disk file')
    .action(inspect);
  image.addCommand(publishCommand());
  for (const command of warmCommands()) image.addCommand(command);
  image.addCommand(packCommand(interruption));
  image.addCommand(importCommand(interruption));
  return image;
}

async function list(_options: unknown, command: Command): Promise<void> {
  const api = await openApi();
  const { images } = await api.call({ method: 'GET', path: '/v1/images', answer: imageListResponse });
  printData(command, images, (all) => table([['IMAGE', 'LATEST', 'OWNER', 'CREATED'], ...all.map(imageRow)]));
}

const imageRow = ({ imageName, latestVersion, ownerId, createdAt }: Image): string[] => [
  imageName,
  latestVersion === 0 ? 'none' : String(latestVersion),
  ownerId,
  createdAt,
];

async function show(name: string, _options: unknown, command: Command): Promise<void> {
  const api = await openApi();
  const path = `/v1/images/${encodeURIComponent(requireImageName(name))}`;
  const image = await api.call({ method: 'GET', path, answer: imageResponse });
  const heading = ['VERSION', 'FRONTEND DISK', 'COMPUTE DISK', 'PARTS', 'STORED', 'PUBLISHER', 'CREATED'];
  printData(
    command,
    image,
    ({ imageName, versions }) => `${imageName}\n${table([heading, ...versions.map(versionRow)])}`,
  );
}

const versionRow = ({ version, diskSizeBytes, parts, storedBytes, publisherId, createdAt }: ImageVersion): string[] => [
  String(version),
  formatBytes(diskSizeBytes.frontend),
  diskSizeBytes.compute === undefined ? '-' : formatBytes(diskSizeBytes.compute),
  String(parts),
  formatBytes(storedBytes),
  publisherId,
  createdAt,
];

async function inspect(file: string, _options: unknown, command: Command): Promise<void> {
  const disk = await openDisk(file);
  await disk.handle.close();
  printData(command, disk.findings, explainFindings);
  requireCompliant(disk.findings);
}
