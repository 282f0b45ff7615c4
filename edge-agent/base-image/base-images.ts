/**
 * The base images of this process: whoever opens the same disk shares one image, and one transfer. Other processes wait for it, and
 * find it complete.
 */
import type { FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { DiskDescription } from '#shared/image/manifest.ts';
import type { ImageLabel } from '../cache/base-folder.ts';
import type { ImageCache } from '../cache/image-cache.ts';
import type { SitePeers } from '../peers/site-peers.ts';
import { BaseImage } from './base-image.ts';
import { FrameFetcher } from './frame-fetcher.ts';
import { findLocalDisks } from './local-disks.ts';
import { loadFrameIndex } from './load-frame-index.ts';
import { PartialImage } from './partial-image.ts';
import { SharedSource, type SourceUser } from './shared-source.ts';
import { spaceFor } from './space-for.ts';

/** Every node of every cluster reads the finished file; nobody writes to it. */
const FINISHED_MODE = 0o444;

export interface BaseImagesOptions {
  /** Holds a folder for each disk, named by the SHA-256 of its frame index. */
  readonly cache: ImageCache;
  /** Threads that hash, decompress and write during a transfer; as many as there are CPUs unless given. */
  readonly unpackThreads?: number;
  /** Agents of the same site, asked before the source. */
  readonly peers?: SitePeers | undefined;
}

/** `source` is not asked for anything when the image is complete. */
export interface OpenBaseImageOptions extends SourceUser {
  readonly disk: DiskDescription;
  /** For people who look into the cache. */
  readonly label: ImageLabel;
  readonly signal: AbortSignal;
}

/** Somebody's hold on a base image. Close it once, before its source; the files stay. */
export interface OpenedBaseImage extends AsyncDisposable {
  readonly image: BaseImage;
  close(): Promise<void>;
}

type LabeledDisk = Pick<OpenBaseImageOptions, 'disk' | 'label'>;

interface SharedImage {
  readonly source: SharedSource;
  readonly opening: Promise<BaseImage>;
  /** Once it is open. */
  image?: BaseImage;
  users: number;
  /** Settles when the files are closed, after the last user has left. */
  closing?: Promise<void>;
}

export class BaseImages {
  readonly #cache: ImageCache;
  readonly #unpackThreads: number;
  readonly #peers: SitePeers | undefined;
  readonly #shared = new Map<string, SharedImage>();

  constructor({ cache, unpackThreads = availableParallelism(), peers }: BaseImagesOptions) {
    this.#cache = cache;
    this.#peers = peers;
    this.#unpackThreads = unpackThreads;
  }

  /** The complete file of a disk, where fetchAll() will put it, or has put it. */
  fileOf(disk: DiskDescription): string {
    return this.#cache.folderOf(disk.index.sha256).disk;
  }

  /** Whether this process fetches a frame of a disk, named by the SHA-256 of its frame index, at this moment. */
  isOnItsWay(disk: string, frame: number): boolean {
    return this.#shared.get(disk)?.image?.isOnItsWay(frame) ?? false;
  }

  /**
   * Opens the base image of a disk, complete or not; fetches at most its frame index. What an earlier run has verified counts. Waits
   * while another process fetches it. Throws MANIFEST_UNTRUSTED, DISK_FULL, CONFLICT where it is damaged and in use, and what the
   * source throws.
   */
  async open({ disk, imageId, source, label, signal }: OpenBaseImageOptions): Promise<OpenedBaseImage> {
    const user = { imageId, source };
    for (;;) {
      signal.throwIfAborted();
      const present = this.#shared.get(disk.index.sha256);
      if (present?.closing !== undefined) {
        await present.closing;
        continue;
      }
      const shared = present ?? this.#share({ disk, label }, user, signal);
      shared.users++;
      shared.source.add(user);
      try {
        const image = await shared.opening;
        shared.image = image;
        if (image.usable) {
          if (present !== undefined) await this.#cache.noteUse(disk.index.sha256, label);
          return this.#holdOn(image, disk, shared, user);
        }
        this.#forget(disk, shared);
        await this.#leave(disk, shared, user);
      } catch (error) {
        await this.#leave(disk, shared, user);
        // Whoever opened it first has failed, perhaps for reasons of his own: try it ourselves.
        if (present === undefined) throw error;
      }
    }
  }

  #share(labeled: LabeledDisk, first: SourceUser, signal: AbortSignal): SharedImage {
    const source = new SharedSource();
    source.add(first);
    const opening = this.#openFiles(labeled, source, signal);
    const shared: SharedImage = { source, opening, users: 0 };
    this.#shared.set(labeled.disk.index.sha256, shared);
    return shared;
  }

  async #openFiles(labeled: LabeledDisk, source: SharedSource, signal: AbortSignal): Promise<BaseImage> {
    const complete = await this.#openComplete(labeled, signal);
    if (complete !== undefined) return complete;
    const release = await this.#cache.lockBase(labeled.disk.index.sha256, signal);
    try {
      const completeNow = await this.#openComplete(labeled, signal);
      if (completeNow === undefined) return await this.#openPartial(labeled, source, release, signal);
      await release();
      return completeNow;
    } catch (error) {
      await release();
      throw error;
    }
  }

  async #openComplete({ disk, label }: LabeledDisk, signal: AbortSignal): Promise<BaseImage | undefined> {
    const handle = await this.#cache.open(disk.index.sha256, disk.sizeBytes, label, signal);
    return handle && this.#imageOf(disk, handle, undefined);
  }

  async #openPartial(
    { disk, label }: LabeledDisk,
    source: SharedSource,
    release: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<BaseImage> {
    const folder = await this.#cache.begin(disk.index.sha256, label);
    const index = await loadFrameIndex({ file: folder.frameIndex, disk, source, peers: this.#peers }, signal);
    const partial = await PartialImage.open(folder.partial, disk, { sync: true, finalMode: FINISHED_MODE, release });
    return this.#imageOf(disk, partial.handle, new FrameFetcher({ disk, index, source, partial }));
  }

  #imageOf(disk: DiskDescription, handle: FileHandle, fetcher: FrameFetcher | undefined): BaseImage {
    const makeRoom = async ({ of: { index, partial } }: FrameFetcher, signal: AbortSignal): Promise<void> => {
      const neededBytes = spaceFor(index, (frame) => !partial.presence.has(frame));
      await this.#cache.makeRoom(disk.index.sha256, { leastBytes: neededBytes, expectedBytes: neededBytes }, signal);
    };
    const { sizeBytes, index } = disk;
    return new BaseImage({
      ...{ file: this.fileOf(disk), sizeBytes, handle, fetcher, makeRoom, unpackThreads: this.#unpackThreads },
      findLocalDisks: () => findLocalDisks(this.#cache.directory, index.sha256),
      peers: this.#peers,
    });
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
