/**
 * What a repository without digests held when it was first seen: the digest of the description, and of every block of the files. It
 * is kept durably, and whatever comes later is held against it.
 */
import { hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { LEGACY_NAME, SHA256 } from '#shared/names.ts';
import * as z from 'zod';
import { ensureDirectory, readIfThere, replaceFile, syncFolderOf } from '../durable-files.ts';

const pinnedFileSchema = z.strictObject({
  path: z.string(),
  sizeBytes: z.int().positive(),
  version: z.string().optional(),
  /** Of each 8 MiB, in order. */
  blockSha256: z.array(SHA256),
});

const pinSchema = z.strictObject({
  schemaVersion: z.literal(1),
  name: LEGACY_NAME,
  pinnedAt: z.iso.datetime(),
  description: z.strictObject({ path: z.string(), sha256: SHA256 }),
  /** Those that were needed so far. */
  files: z.array(pinnedFileSchema),
  /** The disks that came of them, each under the digest that its folder in the cache is named by. */
  disks: z.array(z.strictObject({ sha256: SHA256, sizeBytes: z.int().positive() })),
});

export type Pin = z.infer<typeof pinSchema>;
export type PinnedFile = z.infer<typeof pinnedFileSchema>;

/** The address is not in the clear: it may hold what nobody else should see. */
export function pinFileOf(pinsDirectory: string, repository: string, name: string): string {
  return join(pinsDirectory, hash('sha256', repository.replace(/\/+$/, '')), `${name}.json`);
}

/** `undefined` where the image was never seen. Throws INVALID_CONFIG where the pin cannot be read: then nothing is trusted anew. */
export async function readPin(file: string): Promise<Pin | undefined> {
  const bytes = await readIfThere(file);
  if (bytes === undefined) return undefined;
  try {
    return pinSchema.parse(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new EdgebootError('INVALID_CONFIG', `${file}, the pin of an image, is damaged.`, {
      remedy: 'Restore the file. Without it, the image is as good as never seen before.',
      cause: error,
    });
  }
}

/** Throws DISK_FULL. */
export async function writePin(file: string, pin: Pin): Promise<void> {
  await ensureDirectory(dirname(file), 0o700);
  await replaceFile(file, Buffer.from(JSON.stringify(pin)), 0o600);
  await syncFolderOf(file);
}

export function pinnedFileOf(pin: Pin | undefined, path: string): PinnedFile | undefined {
  return pin?.files.find((file) => file.path === path);
}

export function errorOfChange({ name, pinnedAt }: Pin, what: string): EdgebootError {
  return new EdgebootError(
    'MANIFEST_UNTRUSTED',
    `${name} is not what the repository held when it was first seen, on ${pinnedAt}: ${what}.`,
    { remedy: 'If whoever maintains it says that this is meant, accept it: edgeboot-agent boot … --accept-changes' },
  );
}

/** How a file differs from its pin, for a person; `undefined` where it does not, its version aside. */
export function differenceOf(pinned: PinnedFile, found: PinnedFile): string | undefined {
  const { path, sizeBytes } = found;
  if (sizeBytes !== pinned.sizeBytes) return `${path} has ${sizeBytes} bytes instead of ${pinned.sizeBytes}`;
  const others = found.blockSha256.filter((sha256, i) => sha256 !== pinned.blockSha256[i]).length;
  return others === 0 ? undefined : `${others} of ${found.blockSha256.length} blocks of ${path} have other content`;
}
