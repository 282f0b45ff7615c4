/** The cache as the place of an older image's disks. */
import { hash } from 'node:crypto';
import type { ImageLabel } from '../cache/base-folder.ts';
import { digestBlocks, writeBlockDigests } from '../cache/block-digests.ts';
import type { ImageCache } from '../cache/image-cache.ts';
import type { Need } from '../cache/plan-room.ts';
import { statIfThere } from '../durable-files.ts';
import { allSettled } from '../transfer/all-settled.ts';
import type { PartialDisk } from '../transfer/partial-disk.ts';
import type { DiskPlace, FetchedDisk, GrowingDisk } from './fetch-disk.ts';

export interface CachePlaceOptions {
  readonly cache: ImageCache;
  /** Of the image: no other one's disks grow where its own do. */
  readonly imageId: string;
  readonly label: ImageLabel;
  /** Called before a disk is used or gets its final name: from then on it is not removed. */
  readonly claim: (bases: readonly string[]) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Every node of every cluster reads it; nobody writes to it. */
const FINISHED_MODE = 0o444;

export class CachePlace implements DiskPlace {
  readonly #options: CachePlaceOptions;

  constructor(options: CachePlaceOptions) {
    this.#options = options;
  }

  /** The complete disk. Throws CONFLICT where it is damaged and in use. */
  async find(sha256: string, sizeBytes: number): Promise<string | undefined> {
    const { cache, label, claim, signal } = this.#options;
    await claim([sha256]);
    const opened = await cache.open(sha256, sizeBytes, label, signal);
    await opened?.close();
    return opened && cache.folderOf(sha256).disk;
  }

  async begin(identity: string, need: Need): Promise<GrowingDisk> {
    const { cache, imageId, label, signal } = this.#options;
    const base = hash('sha256', `${imageId} ${identity}`);
    const folder = cache.folderOf(base);
    await using undo = new AsyncDisposableStack();
    undo.adopt(await cache.lockBase(base, signal), (release) => release());
    undo.defer(async () => {
      if ((await statIfThere(folder.partial)) === undefined) await folder.remove();
    });
    await cache.begin(base, label);
    const presentBytes = ((await statIfThere(folder.partial))?.blocks ?? 0) * 512;
    const stillNeeded = (bytes: number): number => Math.max(0, bytes - presentBytes);
    const { leastBytes, expectedBytes } = need;
    const rest = { leastBytes: stillNeeded(leastBytes), expectedBytes: stillNeeded(expectedBytes) };
    await cache.makeRoom(base, rest, signal);
    const held = undo.move();
    return { partialFile: folder.partial, [Symbol.asyncDispose]: () => held.disposeAsync() };
  }

  /** Another image may have brought the same disk already. Throws CONFLICT where that one is damaged and in use. */
  async keep({ sha256, sizeBytes }: Pick<FetchedDisk, 'sha256' | 'sizeBytes'>, partial: PartialDisk): Promise<string> {
    const { cache, label, claim, signal } = this.#options;
    await claim([sha256]);
    const release = await cache.lockBase(sha256, signal);
    try {
      const present = await cache.open(sha256, sizeBytes, label, signal);
      await present?.close();
      const folder = await cache.begin(sha256, label);
      if (present === undefined) {
        // Digested while the disk takes what was written: that costs hardly any time.
        const digesting = digestBlocks(partial.handle, sizeBytes, signal);
        await allSettled([digesting, partial.finish(folder.disk, FINISHED_MODE)]);
        await writeBlockDigests(folder.blockDigests, await digesting);
      } else await partial.discard();
      return folder.disk;
    } finally {
      await release();
    }
  }
}
