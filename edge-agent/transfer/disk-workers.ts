/** Threads that hash, decompress and write, so that the main thread goes on reading from the network. */
import { Worker } from 'node:worker_threads';
import { EdgebootError } from '#shared/errors.ts';
import {
  type BlockDone,
  type BlockTask,
  type CopyTask,
  type DigestTask,
  type DiskTasks,
  type InflateDone,
  type InflateTask,
  NO_MORE_TASKS,
  type PlainError,
  type RawTask,
  type TaskKind,
  type TaskMessage,
  type TaskReply,
} from './disk-tasks.ts';
import type { Unpacking } from './unpack-frames.ts';

/** Its buffers lie outside of the heap. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 128 };

interface Thread {
  readonly worker: Worker;
  readonly pending: Map<
    number,
    { readonly resolve: (done: unknown) => void; readonly reject: (error: unknown) => void }
  >;
  /** Settles when the thread is gone. */
  readonly ended: Promise<unknown>;
  streams: number;
  /** What has ended it, against all expectation. */
  failure: Error | undefined;
}

/** All reject with DISK_FULL, another error of the file system, or CANCELED after stop(). Memory stays the caller's. */
export class DiskWorkers implements AsyncDisposable {
  readonly #stopFlag = new Int32Array(new SharedArrayBuffer(4));
  readonly #threads: Thread[] = [];
  #nextId = 0;

  constructor(threads: number) {
    for (let i = 0; i < threads; i++) this.#threads.push(this.#startThread());
  }

  /** Verifies, decompresses and writes. Rejects with PART_CORRUPT, MANIFEST_UNTRUSTED, too. */
  async unpackFrames(unpacking: Unpacking): Promise<void> {
    await this.#ask(this.#leastBusy(), 'frames', unpacking);
  }

  /** Hashes, and writes as it is. */
  async writeBlock(block: BlockTask): Promise<BlockDone> {
    return this.#ask(this.#leastBusy(), 'block', block);
  }

  /** Answers which of the frames were there, and were copied. */
  async copyFrames(task: CopyTask): Promise<readonly boolean[]> {
    return this.#ask(this.#leastBusy(), 'copy', task);
  }

  /** Answers which of the frames were what they should be, and were written. */
  async writeRawFrames(task: RawTask): Promise<readonly boolean[]> {
    return this.#ask(this.#leastBusy(), 'raw', task);
  }

  /** SHA-256 of each frame of a piece of a raw disk. */
  async digestFrames(task: DigestTask): Promise<readonly string[]> {
    return this.#ask(this.#leastBusy(), 'digest', task);
  }

  /** A row of gzip members, whose pieces are to be fed one after another. Dispose of it when no task of it is under way. */
  openStream(resumeFrom: Uint8Array | undefined): InflateStream {
    const thread = this.#threads.reduce((a, b) => (b.streams < a.streams ? b : a));
    const streamId = this.#nextId++;
    thread.streams++;
    return {
      feed: (block) => this.#ask(thread, 'inflate', { ...block, streamId, resumeFrom }),
      end: () => this.#ask(thread, 'endStream', { streamId, isWhole: true }),
      [Symbol.asyncDispose]: async () => {
        thread.streams--;
        await this.#ask(thread, 'endStream', { streamId, isWhole: false }).catch(() => undefined);
      },
    };
  }

  /** From now on nothing more is written, but for what is being written; tasks under way reject with CANCELED. */
  stop(): void {
    Atomics.store(this.#stopFlag, 0, 1);
  }

  /** When it resolves, nothing is written any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    // They end by themselves: to be ended in the middle of a call to a library would end the process.
    for (const { worker } of this.#threads) worker.postMessage(NO_MORE_TASKS);
    await Promise.all(this.#threads.map(({ ended }) => ended));
  }

  #leastBusy(): Thread {
    return this.#threads.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
  }

  async #ask<Kind extends TaskKind>(
    { worker, pending, failure }: Thread,
    kind: Kind,
    task: DiskTasks[Kind]['task'],
  ): Promise<DiskTasks[Kind]['done']> {
    if (failure !== undefined) throw failure;
    const taskId = this.#nextId++;
    return new Promise((resolve, reject) => {
      pending.set(taskId, { resolve: (done) => resolve(done as DiskTasks[Kind]['done']), reject });
      const message: TaskMessage<Kind> = { taskId, kind, task };
      worker.postMessage(message);
    });
  }

  #startThread(): Thread {
    const worker = new Worker(new URL('./disk-worker.ts', import.meta.url), {
      workerData: this.#stopFlag.buffer,
      resourceLimits: WORKER_LIMITS,
    });
    const pending: Thread['pending'] = new Map();
    worker.on('message', ({ taskId, done, failure }: TaskReply) => {
      const task = pending.get(taskId);
      pending.delete(taskId);
      if (failure === undefined) task?.resolve(done);
      else task?.reject('code' in failure ? revive(failure) : failure.cause);
    });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    const thread: Thread = { worker, pending, ended, streams: 0, failure: undefined };
    worker.on('error', (error: Error) => {
      thread.failure = error;
      for (const task of pending.values()) task.reject(error);
      pending.clear();
    });
    return thread;
  }
}

export interface InflateStream extends AsyncDisposable {
  /** Hashes, inflates and writes. Rejects with PART_CORRUPT where it is no gzip stream, or longer than it may be. */
  feed(block: Omit<InflateTask, 'streamId' | 'resumeFrom'>): Promise<InflateDone>;
  /** There is no further piece. Rejects with PART_CORRUPT where the last member is not complete, or something else follows it. */
  end(): Promise<undefined>;
}

function revive({ code, message, remedy }: PlainError): EdgebootError {
  return new EdgebootError(code, message, { remedy });
}
