/**
 * The sparse file of a disk that is not complete yet, with its presence map beside it. The map on disk never claims a frame whose
 * bytes could still be lost: it is written only after the data was synced.
 */
import { type FileHandle, constants, open, rename, rm } from 'node:fs/promises';
import type { DiskDescription } from '#shared/image/manifest.ts';
import { asDiskError } from '../disk-errors.ts';
import { readIfThere, replaceFile, syncFolderOf } from '../durable-files.ts';
import { Presence } from './presence.ts';

/** How much may have to be fetched again after a crash: frames that were written, but not noted yet (32 MiB). */
const CHECKPOINT_FRAMES = 128;
/** Every node of every cluster reads the finished file; nobody writes to it. */
const FINISHED_MODE = 0o444;

export class PartialFile {
  readonly presence: Presence;
  readonly handle: FileHandle;
  readonly #file: string;
  readonly #release: () => Promise<void>;
  #unnotedFrames = 0;
  #checkpoints: Promise<void> = Promise.resolve();
  #checkpointRunning = false;
  /** The kernel tells of a lost write once only: after that, nothing may be noted any more. */
  #failure: unknown;

  private constructor(file: string, handle: FileHandle, presence: Presence, release: () => Promise<void>) {
    this.#file = file;
    this.#release = release;
    this.handle = handle;
    this.presence = presence;
  }

  /**
   * Opens what an earlier run left, or begins anew. Throws DISK_FULL.
   * @param release called, once or more, when nothing is written any more
   */
  static async open(
    file: string,
    disk: DiskDescription,
    release: () => Promise<void> = () => Promise.resolve(),
  ): Promise<PartialFile> {
    try {
      const presence = new Presence(disk);
      const kept = await readIfThere(presenceFile(file));
      const handle = await open(file, constants.O_RDWR | constants.O_CREAT);
      const { size } = await handle.stat();
      const isUsable = kept !== undefined && size === disk.sizeBytes && presence.restore(kept);
      if (!isUsable) await startAnew(file, handle, disk.sizeBytes);
      return new PartialFile(file, handle, presence, release);
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /**
   * Notes that these frames were verified and written. From time to time a checkpoint follows, in the background; when one failed,
   * this throws its error.
   */
  add(frames: readonly number[]): void {
    if (this.#failure !== undefined) throw asDiskError(this.#failure);
    for (const frame of frames) this.presence.add(frame);
    this.#unnotedFrames += frames.length;
    if (this.#unnotedFrames < CHECKPOINT_FRAMES || this.#checkpointRunning) return;
    this.checkpoint().catch(() => undefined);
  }

  /** Makes everything that was added so far durable. Throws DISK_FULL. */
  async checkpoint(): Promise<void> {
    this.#checkpoints = this.#checkpoints.then(() => this.#runCheckpoint());
    return this.#checkpoints;
  }

  async #runCheckpoint(): Promise<void> {
    if (this.#unnotedFrames === 0) return;
    this.#checkpointRunning = true;
    const noted = this.#unnotedFrames;
    // Encoded before the sync, which does not cover what is added meanwhile.
    const encoded = this.presence.encode();
    try {
      await this.handle.datasync();
      await replaceFile(presenceFile(this.#file), encoded);
      this.#unnotedFrames -= noted;
    } catch (error) {
      this.#failure = error;
      throw asDiskError(error);
    } finally {
      this.#checkpointRunning = false;
    }
  }

  /** Gives the complete file its final name. Throws DISK_FULL. */
  async finish(finalFile: string): Promise<void> {
    await this.#checkpoints;
    try {
      await this.handle.datasync();
      await this.handle.chmod(FINISHED_MODE);
      await rename(this.#file, finalFile);
      await rm(presenceFile(this.#file), { force: true });
      await syncFolderOf(finalFile);
    } catch (error) {
      throw asDiskError(error);
    }
    await this.#release();
  }

  /** Closes the file after the checkpoint that may be running. */
  async close(): Promise<void> {
    await this.#checkpoints.catch(() => undefined);
    await this.handle.close();
    await this.#release();
  }

  /** Gives the space back. The handle stays valid until close(): somebody may still read. */
  async discard(): Promise<void> {
    await this.#checkpoints.catch(() => undefined);
    await this.handle.truncate(0);
    await rm(this.#file, { force: true });
    await rm(presenceFile(this.#file), { force: true });
    await this.#release();
  }
}

function presenceFile(file: string): string {
  return `${file}.presence`;
}

async function startAnew(file: string, handle: FileHandle, sizeBytes: number): Promise<void> {
  await rm(presenceFile(file), { force: true });
  await handle.truncate(0);
  await handle.truncate(sizeBytes);
}
