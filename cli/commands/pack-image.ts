/** `edgeboot image pack`: an image in a directory that any web server can serve. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Command, Option } from 'commander';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { requireCompliant } from '#shared/image/inspect-disk.ts';
import { IMAGE_NAME, LEGACY_NAME } from '#shared/names.ts';
import { DISK_FILE_TYPES, type DiskFileType } from '#shared/vc-xml/vc-in.ts';
import { printData, say } from '../output.ts';
import { findEarlierVersion } from '../pack/earlier-version.ts';
import { putEntry } from '../pack/index-file.ts';
import { packLegacy } from '../pack/pack-legacy.ts';
import { packNative, type PackRequest } from '../pack/pack-native.ts';
import { startProgress } from '../progress.ts';
import { openDisk, type OpenedDisk } from '../publish/open-disk.ts';
import { readOrMakePublishingKey } from '../publish/publishing-key.ts';

interface PackOptions {
  readonly frontend: string;
  readonly compute?: string;
  readonly name?: string;
  readonly output: string;
  readonly legacy?: DiskFileType;
}

export function packCommand(interruption: AbortSignal): Command {
  return new Command('pack')
    .description('Write an image into a directory that any web server can serve, or edgeboot-agent boot can read.')
    .requiredOption('--frontend <disk>', "the frontend's raw disk file")
    .option('--compute <disk>', "the computes' raw disk file")
    .requiredOption('--output <directory>', 'the repository; made where it is missing, other images stay')
    .option('--name <name>', "the image's name in it; unless given, the directory's")
    .addOption(new Option('--legacy <type>', 'the older format, for the original tools').choices([...DISK_FILE_TYPES]))
    .action((options: PackOptions, command: Command) => pack(options, interruption, command));
}

async function pack(options: PackOptions, signal: AbortSignal, command: Command): Promise<void> {
  const directory = path.resolve(options.output);
  const imageName = requireName(options.name ?? path.basename(directory), options.legacy);
  const disks: OpenedDisk[] = [];
  try {
    const frontend = await openCompliant(options.frontend, disks);
    const compute = options.compute === undefined ? undefined : await openCompliant(options.compute, disks);
    await mkdir(directory, { recursive: true }).catch((error: unknown) => {
      throw new EdgebootError('USAGE', `cannot make the directory: ${messageOf(error)}`);
    });
    const total = disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
    const progress = startProgress(`packing ${imageName}`, total);
    const onProgress = (rawBytes: number): void => progress.update(rawBytes, '');
    const request: PackRequest = { imageName, frontend, compute, directory, onProgress, signal };
    const entryPath = await packAs(options.legacy, request).finally(() => progress.stop());
    await putEntry(directory, { name: imageName, path: entryPath });
    say(
      `wrote ${imageName} to ${directory}; boot it with: edgeboot-agent boot ${imageName} N --repository ${directory}`,
    );
    // --output means the directory here; its other meaning stands before the command.
    const entry = { name: imageName, path: entryPath };
    printData(command.parent ?? command, entry, ({ name, path }) => `${name},${path}`);
  } finally {
    for (const disk of disks) await disk.handle.close();
  }
}

async function packAs(legacy: DiskFileType | undefined, request: PackRequest): Promise<string> {
  if (legacy !== undefined) return packLegacy({ ...request, type: legacy });
  const keys = await readOrMakePublishingKey();
  const earlier = await findEarlierVersion(request.directory, request.imageName, keys.publicKeyPem);
  if (earlier !== 'of another publisher') return packNative({ ...request, keys, earlier });
  say(`${request.imageName} is there under another publisher's signature: sites that know that one will refuse yours`);
  return packNative({ ...request, keys, earlier: undefined });
}

async function openCompliant(file: string, opened: OpenedDisk[]): Promise<OpenedDisk> {
  const disk = await openDisk(file);
  opened.push(disk);
  requireCompliant(disk.findings);
  return disk;
}

function requireName(name: string, legacy: DiskFileType | undefined): string {
  if ((legacy === undefined ? IMAGE_NAME : LEGACY_NAME).safeParse(name).success) return name;
  throw new EdgebootError('USAGE', `${JSON.stringify(name)} is no image name`, {
    remedy: 'Give one with --name: letters, digits and hyphens, at most 63.',
  });
}
