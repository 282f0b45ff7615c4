/** The sparse file that a disk grows in until it is whole and gets its final name, with a journal beside it to go on from. */
import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import { hasCode } from '#shared/errors.ts';
import type { DiskReader } from '#shared/image/partition-table.ts';
import { asDiskError } from '../disk-errors.ts';
import { syncFolderOf } from '../durable-files.ts';
import { removeJournal, ResumeJournal } from './resume-journal.ts';

/** How much may be written until the next checkpoint: what may have to be fetched again when the machine stops. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;

export interface PartialDiskOptions {
  readonly file: string;
  /** Of what is transferred: what something else left in the file is not taken up. */
  readonly identity: string;
  readonly journalBytes: number;
  /** Apparent; `undefined` where it is only known at the end. */
  readonly sizeBytes: number | undefined;
  /** Whether the disk is to survive the machine once it has its name. */
  readonly sync: boolean;
}

export class PartialDisk implements AsyncDisposable {
  readonly journal: ResumeJournal;
  readonly handle: FileHandle;
  readonly #options: PartialDiskOptions;
  #unsyncedBytes = 0;
  #checkpoints: Promise<void> = Promise.resolve();
  #isCheckpointing = false;
  /** The kernel tells of a lost write once only: after that, nothing may be noted any more. */
  #failure: unknown;

  private constructor(options: PartialDiskOptions, handle: FileHandle, journal: ResumeJournal) {
    this.#options = options;
    this.handle = handle;
    this.journal = journal;
  }

  /** Takes up what an earlier run left, or begins anew. Throws DISK_FULL. */
  static async open(options: PartialDiskOptions): Promise<PartialDisk> {
    const { file, sizeBytes } = options;
    await using undo = new AsyncDisposableStack();
    try {
      const handle = undo.use(await open(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600));
      const { size } = await handle.stat();
      const isThere = sizeBytes === undefined ? size > 0 : size === sizeBytes;
      const journal = await ResumeJournal.open({ ...options, sizeBytes: options.journalBytes }, isThere);
      undo.defer(() => journal.close());
      if (!journal.isResumed) await startAnew(handle, sizeBytes);
      undo.move();
      return new PartialDisk(options, handle, journal);
    } catch (error) {
      const known = asDiskError(error);
      if (hasCode(known, 'DISK_FULL')) await remove(file);
      throw known;
    }
  }

  /**
   * Notes in the journal that `writtenBytes` were written. From time to time a checkpoint follows, in the background; when one failed,
   * this throws its error.
   */
  note(noted: Uint8Array, offsetBytes: number, writtenBytes: number): void {
    if (this.#failure !== undefined) throw asDiskError(this.#failure);
    this.journal.note(noted, offsetBytes);
    this.#unsyncedBytes += writtenBytes;
    if (!this.#options.sync || this.#unsyncedBytes < CHECKPOINT_BYTES || this.#isCheckpointing) return;
    this.checkpoint().catch(() => undefined);
  }

  /** Makes everything that was noted so far durable. Throws DISK_FULL. */
  async checkpoint(): Promise<void> {
    this.#checkpoints = this.#checkpoints.then(() => this.#runCheckpoint());
    return this.#checkpoints;
  }

  async #runCheckpoint(): Promise<void> {
    if (this.#unsyncedBytes === 0 || !this.#options.sync) return;
    this.#isCheckpointing = true;
    const notedBytes = this.#unsyncedBytes;
    try {
      await this.journal.checkpoint(() => this.handle.datasync());
      this.#unsyncedBytes -= notedBytes;
    } catch (error) {
      this.#failure = error;
      throw asDiskError(error);
    } finally {
      this.#isCheckpointing = false;
    }
  }

  /** Forgets all that was written and noted. Throws DISK_FULL. */
  async startAnew(): Promise<void> {
    await this.#checkpoints.catch(() => undefined);
    this.journal.note(Buffer.alloc(this.journal.bytes.length), 0);
    await startAnew(this.handle, this.#options.sizeBytes);
  }

  /** Zeros at the end of the disk were never written. Throws DISK_FULL. */
  async setSize(sizeBytes: number): Promise<void> {
    await this.handle.truncate(sizeBytes).catch((error: unknown) => {
      throw asDiskError(error);
    });
  }

  readonly read: DiskReader = async (offsetBytes, lengthBytes) => {
    const { buffer, bytesRead } = await this.handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes);
    return buffer.subarray(0, bytesRead);
  };

  /** Gives the complete file its final name, which may be there already with the same content. Throws DISK_FULL. */
  async finish(finalFile: string, mode: number): Promise<void> {
    const { file, sync } = this.#options;
    await this.#checkpoints;
    try {
      if (sync) await this.handle.datasync();
      await this.handle.chmod(mode);
      await rename(file, finalFile);
      await this.journal.remove();
      if (sync) await syncFolderOf(finalFile);
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /** Closes it after the checkpoint that may be running. What has no final name stays, to go on from. */
  async close(): Promise<void> {
    await this.#checkpoints.catch(() => undefined);
    await this.journal.close();
    await this.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Gives the space back. The handle stays valid until close(): somebody may still read. */
  async discard(): Promise<void> {
    await this.#checkpoints.catch(() => undefined);
    await this.handle.truncate(0);
    await remove(this.#options.file);
  }
}

async function remove(file: string): Promise<void> {
  await rm(file, { force: true });
  await removeJournal(file);
}

async function startAnew(handle: FileHandle, sizeBytes = 0): Promise<void> {
  await handle.truncate(0);
  await handle.truncate(sizeBytes);
}
