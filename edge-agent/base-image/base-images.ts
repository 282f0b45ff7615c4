/** The base images of this agent: whoever opens the same disk shares one image, and one transfer. */
import { type FileHandle, open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { DiskDescription } from '#shared/image/manifest.ts';
import { BaseImage } from './base-image.ts';
import { ensureDirectory, isNotThere } from '../durable-files.ts';
import { FrameFetcher } from './frame-fetcher.ts';
import { findLocalDisks } from './local-disks.ts';
import { loadFrameIndex } from './load-frame-index.ts';
import { PartialImage } from './partial-image.ts';
import { SharedSource, type SourceUser } from './shared-source.ts';

/** Every node of every cluster reads the finished file; nobody writes to it. */
const FINISHED_MODE = 0o444;

export interface BaseImagesOptions {
  /** Holds a folder for each disk, named by the SHA-256 of its frame index. */
  readonly cacheDirectory: string;
  /** Threads that hash, decompress and write during a transfer; as many as there are CPUs unless given. */
  readonly unpackThreads?: number;
}

/** `source` is not asked for anything when the image is complete. */
export interface OpenBaseImageOptions extends SourceUser {
  readonly disk: DiskDescription;
  readonly signal: AbortSignal;
}

/** Somebody's hold on a base image. Close it once, before its source; the files stay. */
export interface OpenedBaseImage extends AsyncDisposable {
  readonly image: BaseImage;
  close(): Promise<void>;
}

interface SharedImage {
  readonly source: SharedSource;
  readonly opening: Promise<BaseImage>;
  users: number;
  /** Settles when the files are closed, after the last user has left. */
  closing?: Promise<void>;
}

export class BaseImages {
  readonly #cacheDirectory: string;
  readonly #unpackThreads: number;
  readonly #shared = new Map<string, SharedImage>();

  constructor({ cacheDirectory, unpackThreads = availableParallelism() }: BaseImagesOptions) {
    this.#cacheDirectory = cacheDirectory;
    this.#unpackThreads = unpackThreads;
  }

  /** The complete file of a disk, where fetchAll() will put it, or has put it. */
  fileOf(disk: DiskDescription): string {
    return join(this.#cacheDirectory, disk.index.sha256, 'disk.raw');
  }

  /**
   * Opens the base image of a disk, complete or not; fetches at most its frame index. What an earlier run has verified counts.
   * Throws MANIFEST_UNTRUSTED, DISK_FULL, and what the source throws.
   */
  async open({ disk, imageId, source, signal }: OpenBaseImageOptions): Promise<OpenedBaseImage> {
    const user = { imageId, source };
    for (;;) {
      signal.throwIfAborted();
      const present = this.#shared.get(disk.index.sha256);
      if (present?.closing !== undefined) {
        await present.closing;
        continue;
      }
      const shared = present ?? this.#share(disk, user, signal);
      shared.users++;
      shared.source.add(user);
      try {
        const image = await shared.opening;
        if (image.usable) return this.#holdOn(image, disk, shared, user);
        this.#forget(disk, shared);
        await this.#leave(disk, shared, user);
      } catch (error) {
        await this.#leave(disk, shared, user);
        // Whoever opened it first has failed, perhaps for reasons of his own: try it ourselves.
        if (present === undefined) throw error;
      }
    }
  }

  #share(disk: DiskDescription, first: SourceUser, signal: AbortSignal): SharedImage {
    const source = new SharedSource();
    source.add(first);
    const opening = this.#openFiles(disk, source, signal);
    const shared: SharedImage = { source, opening, users: 0 };
    this.#shared.set(disk.index.sha256, shared);
    return shared;
  }

  async #openFiles(disk: DiskDescription, source: SharedSource, signal: AbortSignal): Promise<BaseImage> {
    const file = this.fileOf(disk);
    const findLocalDisksHere = () => findLocalDisks(this.#cacheDirectory, disk.index.sha256);
    const { sizeBytes } = disk;
    const common = { file, sizeBytes, unpackThreads: this.#unpackThreads, findLocalDisks: findLocalDisksHere };
    const complete = await openComplete(file, disk.sizeBytes);
    if (complete !== undefined) return new BaseImage({ ...common, handle: complete, fetcher: undefined });

    const folder = join(this.#cacheDirectory, disk.index.sha256);
    // The hypervisor's user passes through to the disk.
    await ensureDirectory(folder, 0o711);
    const index = await loadFrameIndex({ file: join(folder, 'frame-index'), disk, source }, signal);
    const partial = await PartialImage.open(`${file}.partial`, disk, { sync: true, finalMode: FINISHED_MODE });
    const fetcher = new FrameFetcher({ disk, index, source, partial });
    return new BaseImage({ ...common, handle: partial.handle, fetcher });
  }

  #holdOn(image: BaseImage, disk: DiskDescription, shared: SharedImage, user: SourceUser): OpenedBaseImage {
    let held = true;
    const close = async (): Promise<void> => {
      if (!held) return;
      held = false;
      await this.#leave(disk, shared, user);
    };
    return { image, close, [Symbol.asyncDispose]: close };
  }

  async #leave(disk: DiskDescription, shared: SharedImage, user: SourceUser): Promise<void> {
    shared.source.remove(user);
    shared.users--;
    if (shared.users > 0) return;
    shared.closing = shared.opening
      .then((image) => image.close())
      // An image that could not be opened has nothing to close; its user has had the error already.
      .catch(() => undefined)
      .finally(() => this.#forget(disk, shared));
    await shared.closing;
  }

  #forget(disk: DiskDescription, shared: SharedImage): void {
    if (this.#shared.get(disk.index.sha256) === shared) this.#shared.delete(disk.index.sha256);
  }
}

/** `undefined` where the image is not complete. */
async function openComplete(file: string, sizeBytes: number): Promise<FileHandle | undefined> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (isNotThere(error)) return undefined;
    throw error;
  });
  if (handle === undefined || (await handle.stat()).size === sizeBytes) return handle;
  await handle.close();
  return undefined;
}
