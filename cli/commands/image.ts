/** `edgeboot image`: publish, list, show, inspect. */
import { Command } from 'commander';
import { type Image, imageListResponse, imageResponse, type ImageVersion } from '#shared/api.ts';
import { EdgebootError } from '#shared/errors.ts';
import { requireCompliant } from '#shared/image/inspect-disk.ts';
import { IMAGE_NAME } from '#shared/names.ts';
import { explainFindings } from '../explain-findings.ts';
import { formatBytes, printData, say, table } from '../output.ts';
import { startProgress } from '../progress.ts';
import { openDisk, type OpenedDisk } from '../publish/open-disk.ts';
import { planVersion } from '../publish/plan-version.ts';
import { type PublishRequest, publishVersion } from '../publish/publish-version.ts';
import { readOrMakePublishingKey } from '../publish/publishing-key.ts';
import { openApi } from '../session.ts';
import { importCommand } from './import-image.ts';
import { packCommand } from './pack-image.ts';

export function imageCommand(interruption: AbortSignal): Command {
  const image = new Command('image').description('The images of the federation.');
  image.command('list').description('List images.').action(list);
  image.command('show').description('Show an image and its versions.').argument('<name>').action(show);
  image
    .command('inspect')
    .description('Check a disk file against the image standard, rule by rule. Publishes nothing.')
    .argument('<disk>', 'a raw disk file')
    .action(inspect);
  image
    .command('publish')
    .description(
      'Publish a new version of an image: checked, cut into parts, signed; only what is missing is uploaded.',
    )
    .argument('<name>', 'letters, digits and hyphens')
    .requiredOption('--frontend <disk>', "the frontend's raw disk file")
    .option('--compute <disk>', "the computes' raw disk file; without it the image has no computes")
    .option('--dry-run', 'only tell how many bytes would be sent')
    .action(publish);
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

interface PublishOptions {
  readonly frontend: string;
  readonly compute?: string;
  readonly dryRun?: boolean;
}

async function publish(name: string, options: PublishOptions, command: Command): Promise<void> {
  const imageName = requireImageName(name);
  const disks: OpenedDisk[] = [];
  try {
    const frontend = await openCompliant(options.frontend, disks);
    const compute = options.compute === undefined ? undefined : await openCompliant(options.compute, disks);
    const api = await openApi();
    const progress = startProgress(
      `publishing ${imageName}`,
      disks.reduce((sum, disk) => sum + disk.sizeBytes, 0),
    );
    const onProgress: PublishRequest['onProgress'] = (rawBytes, { uploadedBytes }) =>
      progress.update(rawBytes, `${formatBytes(uploadedBytes)} ${options.dryRun === true ? 'missing' : 'sent'}`);
    const request = { imageName, frontend, compute, onProgress };
    if (options.dryRun === true) {
      const upload = await planVersion(api, request).finally(() => progress.stop());
      printData(command, { imageName, upload }, () => `${formatBytes(upload.uploadedBytes)} would be sent`);
      return;
    }
    const { privateKeyPem } = await readOrMakePublishingKey();
    const { version, upload } = await publishVersion(api, { ...request, privateKeyPem }).finally(() => progress.stop());
    const { uploadedObjects, uploadedBytes, presentObjects } = upload;
    say(
      `sent ${uploadedObjects} ${uploadedObjects === 1 ? 'object' : 'objects'}, ${formatBytes(uploadedBytes)}; ${presentObjects} were there already`,
    );
    printData(command, { ...version, upload }, () => `${version.imageName}@${version.version}`);
  } finally {
    for (const disk of disks) await disk.handle.close();
  }
}

/** Opened disks are put into `opened`, so that they are closed whatever happens. */
async function openCompliant(file: string, opened: OpenedDisk[]): Promise<OpenedDisk> {
  const disk = await openDisk(file);
  opened.push(disk);
  requireCompliant(disk.findings);
  return disk;
}

function requireImageName(name: string): string {
  if (IMAGE_NAME.safeParse(name).success) return name;
  throw new EdgebootError('USAGE', `${JSON.stringify(name)} is no image name`, {
    remedy: 'Use lower-case letters, digits and hyphens, at most 63.',
  });
}
