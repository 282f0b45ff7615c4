/**
 * The base image of a node type at this site: one sparse raw file, a map of the frames that are here and verified, and a read that
 * fetches what is missing. fetchAll() completes it; reading on demand uses the same pieces.
 */
import type { FileHandle } from 'node:fs/promises';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { FRAME_SIZE_BYTES } from '#shared/image/manifest.ts';
import { allSettled } from '../transfer/all-settled.ts';
import { fetchEverything } from './fetch-everything.ts';
import type { LocalDisk } from './local-frames.ts';
import type { FrameFetcher } from './frame-fetcher.ts';
import { fixedConnections } from '../transfer/adaptive-connections.ts';
import { TransferFlow } from '../transfer/transfer-flow.ts';
import { planRuns } from './missing-runs.ts';
import type { SitePeers } from '../peers/site-peers.ts';
import { SharedTask } from './shared-task.ts';
import { startReport, type TransferReport } from '../transfer/transfer-report.ts';
import { createUnpacker, type Unpack, type Unpacking } from '../transfer/unpack-frames.ts';

/** What reads on demand fetch at once. */
const READING = { connections: fixedConnections(8), memoryBytes: 16 * 1024 * 1024 };

export interface FetchAllOptions {
  /** The way that the bytes take; several transfers may share it. */
  readonly flow: TransferFlow;
  readonly onProgress?: (report: TransferReport) => void;
  readonly signal: AbortSignal;
}

export interface BaseImageOptions {
  /** The complete file's path: there once the image is complete, never before. */
  readonly file: string;
  readonly sizeBytes: number;
  /** Of the complete file, or of the partial one. */
  readonly handle: FileHandle;
  /** `undefined` when the file is complete. */
  readonly fetcher: FrameFetcher | undefined;
  /** Called before a transfer. Throws DISK_FULL. */
  readonly makeRoom?: (fetcher: FrameFetcher, signal: AbortSignal) => Promise<void>;
  readonly unpackThreads: number;
  /** Disks of this host that may hold some of the frames; asked for when a transfer begins. */
  readonly findLocalDisks: () => Promise<readonly LocalDisk[]>;
  /** Agents of the same site, asked before the source when everything is fetched. */
  readonly peers?: SitePeers | undefined;
}

export class BaseImage {
  readonly file: string;
  readonly sizeBytes: number;
  readonly #handle: FileHandle;
  /** The handle, and what belongs to it. */
  readonly #opened: { close(): Promise<void> };
  readonly #makeRoom: BaseImageOptions['makeRoom'];
  readonly #unpackThreads: number;
  readonly #findLocalDisks: BaseImageOptions['findLocalDisks'];
  readonly #peers: SitePeers | undefined;
  readonly #fetching: SharedTask<FetchAllOptions, TransferReport, TransferReport>;
  readonly #reading = new TransferFlow(READING);
  #fetcher: FrameFetcher | undefined;
  #unpack: Unpack | undefined;
  #failure: EdgebootError | undefined;

  constructor(options: BaseImageOptions) {
    const { file, sizeBytes, handle, fetcher, makeRoom, unpackThreads, findLocalDisks, peers } = options;
    this.file = file;
    this.sizeBytes = sizeBytes;
    this.#handle = handle;
    this.#opened = fetcher?.of.partial ?? handle;
    this.#fetcher = fetcher;
    this.#makeRoom = makeRoom;
    this.#unpackThreads = unpackThreads;
    this.#findLocalDisks = findLocalDisks;
    this.#peers = peers;
    this.#fetching = new SharedTask((all, report, signal) => this.#fetchEverything(all, report, signal));
  }

  get complete(): boolean {
    return this.#fetcher === undefined;
  }

  isOnItsWay(frame: number): boolean {
    return this.#fetcher?.isOnItsWay(frame) ?? false;
  }

  /** False after the disk was full: close the image and open it again once there is space. */
  get usable(): boolean {
    return this.#failure === undefined;
  }

  /**
   * Bytes of the raw disk; fetches and verifies what is not here yet. At the end of the disk the answer is shorter.
   * Throws what the source throws, PART_CORRUPT, MANIFEST_UNTRUSTED, DISK_FULL.
   */
  async read(offsetBytes: number, lengthBytes: number, signal: AbortSignal): Promise<Buffer> {
    const endBytes = Math.min(offsetBytes + lengthBytes, this.sizeBytes);
    if (!(offsetBytes >= 0 && offsetBytes <= endBytes)) throw new RangeError('a read beyond the end of the disk');
    await this.#ensure(Math.floor(offsetBytes / FRAME_SIZE_BYTES), Math.ceil(endBytes / FRAME_SIZE_BYTES), signal);
    const bytes = Buffer.alloc(endBytes - offsetBytes);
    for (let done = 0; done < bytes.length;) {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, offsetBytes + done);
      if (bytesRead === 0) throw new Error(`${this.file} is shorter than the disk`);
      done += bytesRead;
    }
    return bytes;
  }

  /**
   * Fetches all that is missing, many parts at once, and gives the file its final name. Everybody who calls while it is under way
   * shares one transfer, on the first caller's way. After an abort nothing more is written once it rejects.
   * Throws like read(). After DISK_FULL the space is given back, and the image is not usable any more.
   */
  async fetchAll(options: FetchAllOptions): Promise<TransferReport> {
    return this.#fetching.join(options, options.onProgress, options.signal);
  }

  /** For base-images.ts, which counts who has the image open. */
  async close(): Promise<void> {
    await this.#fetcher?.settle(0, Infinity);
    await this.#opened.close();
  }

  /** Resolves when the frames [firstFrame, endFrame) are here. */
  async #ensure(firstFrame: number, endFrame: number, signal: AbortSignal): Promise<void> {
    const unpack = (unpacking: Unpacking): Promise<void> => this.#unpackHere(unpacking);
    for (;;) {
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      const fetcher = this.#fetcher;
      if (fetcher?.hasAll(firstFrame, endFrame) !== false) return;
      const runs = planRuns(fetcher.of.index, firstFrame, endFrame, fetcher.isMissing);
      await allSettled(runs.map((run) => fetcher.fetch(run, { flow: this.#reading, unpack, signal })));
      // Where another reader's fetch failed or was aborted, the next round fetches the frame itself.
      await fetcher.settle(firstFrame, endFrame);
    }
  }

  /** On this thread: a frame takes less than a millisecond. */
  #unpackHere(unpacking: Unpacking): Promise<void> {
    this.#unpack ??= createUnpacker();
    const unpack = this.#unpack;
    return new Promise((resolve) => {
      unpack(unpacking, () => true);
      resolve();
    });
  }

  async #fetchEverything(
    { flow }: FetchAllOptions,
    report: (progress: TransferReport) => void,
    signal: AbortSignal,
  ): Promise<TransferReport> {
    if (this.#failure !== undefined) throw this.#failure;
    const fetcher = this.#fetcher;
    if (fetcher === undefined) return startReport(0);
    const { partial } = fetcher.of;
    try {
      await this.#makeRoom?.(fetcher, signal);
      const localDisks = await this.#findLocalDisks();
      const options = { flow, unpackThreads: this.#unpackThreads, localDisks, peers: this.#peers, report, signal };
      const result = await fetchEverything(fetcher, options);
      await partial.finish(this.file);
      this.#fetcher = undefined;
      return result;
    } catch (error) {
      if (hasCode(error, 'DISK_FULL')) {
        this.#failure = error;
        fetcher.giveUp(error);
        await partial.discard();
      } else {
        // What has arrived is not lost; should even that fail, the first error is the one to tell of.
        await partial.checkpoint().catch(() => undefined);
      }
      throw error;
    }
  }
}
