/** Writes an image in one of the older kinds, which the original tools read: vc-in.xml with the disks beside it (formats, section 2). */
import { mkdirSync } from 'node:fs';
import { lstat, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import type { DiskFile, DiskFileType } from '#shared/vc-xml/vc-in.ts';
import { VCDB_NAME } from '#shared/vc-xml/vcdb.ts';
import { writeVcIn } from '#shared/vc-xml/write-vc-in.ts';
import type { OpenedDisk } from '../publish/open-disk.ts';
import { packLegacyDisk } from './legacy-disk.ts';
import type { PackRequest } from './pack-native.ts';
import { asWriteError } from './replace-file.ts';
import { removedUnlessFinished } from './unfinished.ts';

const MEMORY_MIB = 2048;
/** The original's own default for how long computes wait for their frontend. */
const COMPUTE_WAIT_SECONDS = 300;
const DRIVER = 'rocks6_client';
/** Names that a repository has a use for. */
const RESERVED_NAMES = ['images', VCDB_NAME];

export interface LegacyPackRequest extends PackRequest {
  readonly type: DiskFileType;
}

/**
 * @returns the description's path below the directory.
 * @throws EdgebootError USAGE where something is in its place, DISK_FULL; the signal's reason.
 */
export async function packLegacy(request: LegacyPackRequest): Promise<string> {
  const { imageName, directory } = request;
  const folder = path.join(directory, imageName);
  await requireFree(imageName, folder);
  const unfinished = path.join(directory, `.${imageName}.${process.pid}.new`);
  using written = removedUnlessFinished(unfinished);
  try {
    mkdirSync(unfinished);
    const packDisk = (disk: OpenedDisk, filename: string, bytesBefore: number): Promise<DiskFile> =>
      packLegacyDisk(disk, {
        ...{ type: request.type, filename, folder: unfinished, signal: request.signal },
        onProgress: (rawBytes) => request.onProgress(bytesBefore + rawBytes),
      });
    const frontend = await packDisk(request.frontend, 'frontend.vda', 0);
    const compute = request.compute && (await packDisk(request.compute, 'compute.vda', request.frontend.sizeBytes));
    const node = (disk: DiskFile) => ({ memoryMiB: MEMORY_MIB, cpus: 1, disk });
    const document = writeVcIn({
      name: imageName,
      driver: DRIVER,
      frontend: node(frontend),
      ...(compute && { compute: node(compute) }),
      computeWaitSeconds: COMPUTE_WAIT_SECONDS,
      privateNetwork: { address: '10.1.1.1', netmask: '255.255.0.0' },
    });
    await writeFile(path.join(unfinished, `${imageName}.xml`), document);
    await rename(unfinished, folder);
    written.finish();
  } catch (error) {
    throw asWriteError(error);
  }
  return `${imageName}/${imageName}.xml`;
}

/** An image of the older kind has no versions: nobody can tell that it became another one. */
async function requireFree(imageName: string, folder: string): Promise<void> {
  if (RESERVED_NAMES.includes(imageName)) throw new EdgebootError('USAGE', `no image can be called ${imageName} here`);
  if ((await lstat(folder).catch(() => undefined)) === undefined) return;
  throw new EdgebootError('USAGE', `${folder} is there already`, {
    remedy: 'Give the image another name with --name, or remove that folder first.',
  });
}
