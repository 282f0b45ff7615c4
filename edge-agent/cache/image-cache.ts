/**
 * THE CACHE of base images, shared by all processes of this host that fetch, boot or remove. Two kinds of lock keep them apart:
 *
 *   a base's own, held by whoever fetches it: others wait, and find it here;
 *   the turn, held for a moment by whoever opens a complete base, takes one for a cluster, or removes some.
 *
 * What a cluster needs stands in the journal, what is being read is open in some process: within the turn, both can be relied on.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { isNotThere, statIfThere } from '../durable-files.ts';
import { BaseFolder, type ImageLabel } from './base-folder.ts';
import { noRoom } from './no-room.ts';
import { type CacheLimits, isRemovable, lackingBytes, lackOf, type Need, planRoom, type Space } from './plan-room.ts';
import { readStoredBases } from './stored-bases.ts';
import { type CachedBase, type CachePorts, lockOfBase, measureSpace, type Release, survey } from './survey.ts';

export interface ImageCacheOptions extends CachePorts {
  /** There already; its real path, by which all processes name their locks. */
  readonly directory: string;
  readonly limits: CacheLimits;
}

export class ImageCache {
  readonly directory: string;
  readonly limits: CacheLimits;
  readonly #ports: CachePorts;

  constructor({ directory, limits, ...ports }: ImageCacheOptions) {
    this.directory = directory;
    this.limits = limits;
    this.#ports = ports;
  }

  /** Of verified manifests, each named by its digest. */
  get manifestDirectory(): string {
    return join(this.directory, 'manifests');
  }

  folderOf(base: string): BaseFolder {
    return new BaseFolder(join(this.directory, base));
  }

  /** For whoever fetches it: nobody else does, and it is not removed. Throws the signal's reason. */
  async lockBase(base: string, signal?: AbortSignal): Promise<Release> {
    const release = await this.#ports.holdLock(lockOfBase(this.directory, base), signal);
    let isHeld = true;
    return async () => {
      if (isHeld) await release();
      isHeld = false;
    };
  }

  /** One at a time among all processes; nothing long is done within. Throws the signal's reason. */
  async turn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const release = await this.#ports.holdLock(`image cache ${this.directory}`, signal);
    try {
      return await work();
    } finally {
      await release();
    }
  }

  /**
   * Opens a base that is complete; while it is open it is not removed. `undefined` where it is not complete.
   * Throws CONFLICT where it is damaged and in use, DISK_FULL.
   */
  async open(
    base: string,
    sizeBytes: number,
    label: ImageLabel,
    signal?: AbortSignal,
  ): Promise<FileHandle | undefined> {
    const folder = this.folderOf(base);
    return this.turn(async () => {
      await this.#clearDamage([base]);
      const handle = await openOfSize(folder.disk, sizeBytes);
      if (handle === undefined) return undefined;
      try {
        await note(folder, label);
        return handle;
      } catch (error) {
        await handle.close();
        throw error;
      }
    }, signal);
  }

  /** Makes a base's folder, for whoever has its lock. Throws DISK_FULL. */
  async begin(base: string, label: ImageLabel): Promise<BaseFolder> {
    const folder = this.folderOf(base);
    await this.turn(async () => {
      await folder.make();
      await folder.clearUnfinished();
      await note(folder, label);
    });
    return folder;
  }

  /** For whoever has it open. Throws DISK_FULL. */
  async noteUse(base: string, label: ImageLabel): Promise<void> {
    await this.turn(() => note(this.folderOf(base), label));
  }

  /**
   * Before a transfer, for whoever has the base's lock: sees that there is room for what has still to be written, and removes what
   * has not been used longest where that helps. Throws DISK_FULL.
   */
  async makeRoom(base: string, need: Need, signal?: AbortSignal): Promise<void> {
    await this.turn(async () => {
      const stored = await readStoredBases(this.directory);
      const space = await measureSpace(this.directory, stored, this.#ports, base);
      if (lackingBytes(lackOf(space, this.limits, need.expectedBytes)) > 0) {
        const bases = await survey(this.directory, this.#ports);
        const removals = planRoom(bases, space, this.limits, need);
        if (removals === undefined) throw noRoom(bases, space, this.limits, need);
        for (const removal of removals) await this.#remove(removal);
      }
      const presentBytes = stored.find((one) => one.base === base)?.allocatedBytes ?? 0;
      await this.folderOf(base).expect(presentBytes + need.expectedBytes);
    }, signal);
  }

  /**
   * Notes, by `write`, that a cluster needs these bases from now on. Damaged ones make way first.
   * Throws CONFLICT where another cluster uses a damaged one, and what `write` throws.
   */
  async claim(deploymentId: string, bases: readonly string[], write: () => Promise<void>): Promise<void> {
    await this.turn(async () => {
      await this.#clearDamage(bases, deploymentId);
      await write();
    });
  }

  async survey(): Promise<CachedBase[]> {
    return survey(this.directory, this.#ports);
  }

  /** Removes what `choose` names, unless somebody has come to use it. Answers what is gone. */
  async remove(choose: (bases: readonly CachedBase[], space: Space) => readonly CachedBase[]): Promise<CachedBase[]> {
    return this.turn(async () => {
      const bases = await this.survey();
      const removed: CachedBase[] = [];
      for (const one of choose(bases, await measureSpace(this.directory, bases, this.#ports))) {
        if (isRemovable(one) && (await this.#remove(one))) removed.push(one);
      }
      return removed;
    });
  }

  /**
   * It was found damaged. Where it is in use, nobody else gets it; otherwise it is removed. `gone`: it has been removed or fetched
   * again since.
   */
  async condemn({ base, inodes }: CachedBase): Promise<'removed' | 'in use' | 'gone'> {
    return this.turn(async () => {
      const present = await this.#find(base);
      if (present?.inodes[0] !== inodes[0]) return 'gone';
      if (isInUse(present)) {
        await this.folderOf(base).setMark('damaged', true);
        return 'in use';
      }
      await this.folderOf(base).removeDisk();
      return 'removed';
    });
  }

  async #clearDamage(bases: readonly string[], except?: string): Promise<void> {
    for (const base of bases) {
      const folder = this.folderOf(base);
      if ((await statIfThere(folder.markFile('damaged'))) === undefined) continue;
      if (isInUse(await this.#find(base, except))) throw damagedInUse(base);
      await folder.removeDisk();
    }
  }

  async #find(base: string, except?: string): Promise<CachedBase | undefined> {
    return (await survey(this.directory, this.#ports, except)).find((one) => one.base === base);
  }

  /** False where somebody has begun to fetch it. */
  async #remove({ base }: CachedBase): Promise<boolean> {
    const release = await this.#ports.tryHoldLock(lockOfBase(this.directory, base));
    if (release === undefined) return false;
    try {
      await this.folderOf(base).remove();
      return true;
    } finally {
      await release();
    }
  }
}

/** What is only about to be fetched has a lock, and no user yet. */
const isInUse = (one: CachedBase | undefined): boolean => one !== undefined && (one.isOpen || one.usedBy.length > 0);

async function openOfSize(file: string, sizeBytes: number): Promise<FileHandle | undefined> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (isNotThere(error)) return undefined;
    throw error;
  });
  if (handle === undefined || (await handle.stat()).size === sizeBytes) return handle;
  await handle.close();
  return undefined;
}

async function note(folder: BaseFolder, label: ImageLabel): Promise<void> {
  await folder.remember(label);
  await folder.markUsed();
}

function damagedInUse(base: string): EdgebootError {
  return new EdgebootError('CONFLICT', `The base image ${base} is damaged, and clusters use it.`, {
    remedy: 'edgeboot-agent cache list names them. Once they are gone, it is fetched again.',
  });
}
