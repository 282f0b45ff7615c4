/** The folder of a base image in the cache: its disk, and the small files beside it that say what it is and how it is meant. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { LEGACY_NAME, ULID } from '#shared/names.ts';
import * as z from 'zod';
import { asDiskError } from '../disk-errors.ts';
import {
  clearUnfinished,
  ensureDirectory,
  isNotThere,
  readIfThere,
  replaceFile,
  statIfThere,
  syncFolderOf,
} from '../durable-files.ts';

/** The hypervisor's user passes through to the disk. */
const FOLDER_MODE = 0o711;
const MAX_IMAGES = 16;

/** What an image calls itself; those of the older kinds have no versions. */
export interface ImageLabel {
  readonly name: string;
  readonly version?: number | undefined;
  /** Of an image that a federation's catalog has. */
  readonly published?: { readonly imageId: string; readonly storedBytes: number } | undefined;
}

const labelSchema = z.strictObject({
  name: LEGACY_NAME,
  version: z.int().positive().optional(),
  /** `storedBytes`: of this disk's parts, as they lie in the bucket. */
  published: z.strictObject({ imageId: ULID, storedBytes: z.int().nonnegative() }).optional(),
});
const aboutSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Whose disk it is, as far as is known here; the latest first. */
  images: z.array(labelSchema).max(MAX_IMAGES),
  /** What the disk was expected to take when its transfer began. */
  expectedBytes: z.int().nonnegative().optional(),
});
export type About = z.infer<typeof aboutSchema>;
const NOTHING_KNOWN: About = { schemaVersion: 1, images: [] };

/** `pinned`: never removed to make room. `damaged`: not as it was verified; clusters use it, and no other may. */
export type Mark = 'pinned' | 'damaged';

/** Whatever writes throws DISK_FULL. */
export class BaseFolder {
  readonly path: string;
  /** Complete and verified: before, it has another name. */
  readonly disk: string;
  readonly partial: string;
  /** Of native images; blockDigests of the others. */
  readonly frameIndex: string;
  readonly blockDigests: string;
  /** Its time is that of the last use. */
  readonly stamp: string;
  readonly #about: string;

  constructor(path: string) {
    this.path = path;
    this.disk = join(path, 'disk.raw');
    this.partial = join(path, 'disk.raw.partial');
    this.frameIndex = join(path, 'frame-index');
    this.blockDigests = join(path, 'block-digests.json');
    this.stamp = join(path, 'used');
    this.#about = join(path, 'about.json');
  }

  markFile(mark: Mark): string {
    return join(this.path, mark);
  }

  async make(): Promise<void> {
    await ensureDirectory(this.path, FOLDER_MODE);
  }

  /** Removes what an interrupted run was just writing. */
  async clearUnfinished(): Promise<void> {
    await clearUnfinished(this.path);
  }

  /** What is not there or damaged is as good as unknown: it is written anew. */
  async readAbout(): Promise<About> {
    const bytes = await readIfThere(this.#about);
    if (bytes === undefined) return NOTHING_KNOWN;
    try {
      return aboutSchema.parse(JSON.parse(bytes.toString()));
    } catch {
      return NOTHING_KNOWN;
    }
  }

  async remember(label: ImageLabel): Promise<void> {
    const about = await this.readAbout();
    const isIt = ({ name, version }: ImageLabel): boolean => name === label.name && version === label.version;
    // What a catalog says of it stays, whoever uses it next.
    const latest = { ...about.images.find(isIt), ...label };
    if (isDeepStrictEqual(about.images[0], latest)) return;
    const others = about.images.filter((image) => !isIt(image)).slice(0, MAX_IMAGES - 1);
    await this.#writeAbout({ ...about, images: [latest, ...others] });
  }

  async expect(bytes: number): Promise<void> {
    await this.#writeAbout({ ...(await this.readAbout()), expectedBytes: bytes });
  }

  async #writeAbout(about: About): Promise<void> {
    await replaceFile(this.#about, Buffer.from(JSON.stringify(about)));
  }

  /** A file's time costs next to nothing, and is on the disk within seconds. Where there is no such folder, nothing happens. */
  async markUsed(): Promise<void> {
    try {
      await using stamp = await open(this.stamp, 'a');
      await stamp.utimes(new Date(), new Date());
    } catch (error) {
      if (!isNotThere(error)) throw asDiskError(error);
    }
  }

  async setMark(mark: Mark, isSet: boolean): Promise<void> {
    const file = this.markFile(mark);
    if (isSet) await replaceFile(file, Buffer.alloc(0));
    else await rm(file, { force: true });
    await syncFolderOf(file);
  }

  /** The disk first: whatever is left when this is interrupted is not taken for a base image. */
  async remove(): Promise<void> {
    for (const file of [this.disk, this.partial]) await rm(file, { force: true });
    await rm(this.path, { recursive: true, force: true });
  }

  /** What is pinned keeps its place and its pin. */
  async removeDisk(): Promise<void> {
    if ((await statIfThere(this.markFile('pinned'))) === undefined) return this.remove();
    for (const file of [this.disk, this.frameIndex, this.blockDigests, this.markFile('damaged')]) {
      await rm(file, { force: true });
    }
  }
}
