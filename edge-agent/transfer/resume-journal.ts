/**
 * What a transfer has done so far, beside the file that grows: bytes whose meaning is the transfer's own. Two files hold them:
 *
 * - `.live`: every note, at once. What a process has written stays when the process is killed, in the order in which it was written,
 *   but not when the machine stops: so it counts only until the next start of the machine.
 * - `.journal`: what was noted at the last checkpoint, after the data was synced. It counts always.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import { asDiskError } from '../disk-errors.ts';
import { readIfThere, replaceFile } from '../durable-files.ts';

const MAGIC = Buffer.from('EBRJ', 'latin1');
const VERSION = 1;
const DIGEST_BYTES = 32;
/** Magic, version, digest of the identity, digest of the id that the kernel gave this start of the machine. */
const HEADER_BYTES = 8 + 2 * DIGEST_BYTES;

export interface JournalOptions {
  /** What grows; the journal's files are named after it. */
  readonly file: string;
  /** Of what is transferred: notes of anything else are not taken up. */
  readonly identity: string;
  readonly sizeBytes: number;
}

export class ResumeJournal {
  /** The notes; zero where nothing was noted. Change them by note() only. */
  readonly bytes: Buffer;
  /** Whether an earlier run's notes were taken up. */
  readonly isResumed: boolean;
  readonly #file: string;
  readonly #header: Buffer;
  readonly #live: FileHandle;

  private constructor(file: string, header: Buffer, live: FileHandle, kept: Buffer | undefined, sizeBytes: number) {
    this.#file = file;
    this.#header = header;
    this.#live = live;
    this.bytes = kept ?? Buffer.alloc(sizeBytes);
    this.isResumed = kept !== undefined;
  }

  /** @param mayResume whether what the notes speak of is there. Throws DISK_FULL. */
  static async open({ file, identity, sizeBytes }: JournalOptions, mayResume: boolean): Promise<ResumeJournal> {
    const header = await headerOf(identity);
    const kept = mayResume ? await readNotes(file, header, sizeBytes) : undefined;
    if (kept === undefined) await removeJournal(file);
    try {
      // In one step: whoever is killed here has the old notes, or these.
      await replaceFile(liveFile(file), Buffer.concat([header, kept ?? Buffer.alloc(sizeBytes)]), 0o600, {
        sync: false,
      });
      return new ResumeJournal(file, header, await open(liveFile(file), 'r+'), kept, sizeBytes);
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /** Notes bytes; what they speak of has been written. Throws DISK_FULL. */
  note(noted: Uint8Array, offsetBytes: number): void {
    this.bytes.set(noted, offsetBytes);
    try {
      writeSync(this.#live.fd, noted, 0, noted.length, HEADER_BYTES + offsetBytes);
    } catch (error) {
      throw asDiskError(error);
    }
  }

  /** What was noted before `sync` began survives the machine. Throws DISK_FULL, and what `sync` throws. */
  async checkpoint(sync: () => Promise<void>): Promise<void> {
    const content = Buffer.concat([this.#header, this.bytes]);
    await sync();
    await replaceFile(durableFile(this.#file), Buffer.concat([content, sha256(content)]), 0o600);
  }

  async close(): Promise<void> {
    await this.#live.close();
  }

  /** The transfer is over. */
  async remove(): Promise<void> {
    await this.close();
    await removeJournal(this.#file);
  }
}

/** What some process has noted until now, for others to look at; `undefined` where there are no notes that count. */
export async function readLiveNotes({ file, identity, sizeBytes }: JournalOptions): Promise<Buffer | undefined> {
  return readLive(file, await headerOf(identity), sizeBytes);
}

async function readLive(file: string, header: Buffer, sizeBytes: number): Promise<Buffer | undefined> {
  const live = await readIfThere(liveFile(file));
  const isIt = live?.length === HEADER_BYTES + sizeBytes && live.subarray(0, HEADER_BYTES).equals(header);
  return isIt ? live.subarray(HEADER_BYTES) : undefined;
}

async function readNotes(file: string, header: Buffer, sizeBytes: number): Promise<Buffer | undefined> {
  const live = await readLive(file, header, sizeBytes);
  if (live !== undefined) return live;
  const end = HEADER_BYTES + sizeBytes;
  const durable = await readIfThere(durableFile(file));
  if (durable?.length !== end + DIGEST_BYTES) return undefined;
  const content = durable.subarray(0, end);
  const isSame = content
    .subarray(0, HEADER_BYTES - DIGEST_BYTES)
    .equals(header.subarray(0, HEADER_BYTES - DIGEST_BYTES));
  return isSame && sha256(content).equals(durable.subarray(end)) ? content.subarray(HEADER_BYTES) : undefined;
}

async function headerOf(identity: string): Promise<Buffer> {
  const header = Buffer.concat([MAGIC, Buffer.alloc(4), sha256(identity), sha256(await bootId())]);
  header.writeUInt32LE(VERSION, 4);
  return header;
}

/** Another one after each start of the machine. Linux: random(4). */
async function bootId(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8');
}

export async function removeJournal(file: string): Promise<void> {
  await rm(liveFile(file), { force: true });
  await rm(durableFile(file), { force: true });
}

const liveFile = (file: string): string => `${file}.live`;
const durableFile = (file: string): string => `${file}.journal`;
const sha256 = (content: Buffer | string): Buffer => createHash('sha256').update(content).digest();
