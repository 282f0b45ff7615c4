/** Worker threads that unpack whole parts, so that the main thread goes on reading from the network. */
import { Worker } from 'node:worker_threads';
import { type ErrorCode, EdgebootError } from '#shared/errors.ts';
import type { Unpacking } from './unpack-frames.ts';

export interface UnpackTask extends Unpacking {
  readonly taskId: number;
}

/** Errors of ours lose their class on the way between threads: they travel as what they are made of. */
export interface UnpackReply {
  readonly taskId: number;
  readonly failure?: PlainError | { readonly cause: unknown };
}

interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

interface PendingTask {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class UnpackPool {
  readonly #stopFlag = new Int32Array(new SharedArrayBuffer(4));
  readonly #workers: { readonly worker: Worker; readonly pending: Map<number, PendingTask> }[] = [];
  #nextTaskId = 0;

  constructor(threads: number) {
    for (let i = 0; i < threads; i++) this.#workers.push(this.#startWorker());
  }

  /**
   * Verifies, decompresses and writes. The bytes' memory is handed over: the caller must not use it again.
   * Rejects with PART_CORRUPT, MANIFEST_UNTRUSTED, DISK_FULL, another error of the file system, or CANCELED after stop().
   */
  async unpack(unpacking: Unpacking): Promise<void> {
    const least = this.#workers.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
    const taskId = this.#nextTaskId++;
    await new Promise<void>((resolve, reject) => {
      least.pending.set(taskId, { resolve, reject });
      const task: UnpackTask = { ...unpacking, taskId };
      const { buffer } = unpacking.bytes;
      const owned = buffer instanceof ArrayBuffer && buffer.byteLength === unpacking.bytes.byteLength;
      least.worker.postMessage(task, owned ? [buffer] : []);
    });
  }

  /** From now on nothing more is written, but for the frame that is being written; tasks under way reject with CANCELED. */
  stop(): void {
    Atomics.store(this.#stopFlag, 0, 1);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(({ worker }) => worker.terminate()));
  }

  #startWorker(): { worker: Worker; pending: Map<number, PendingTask> } {
    const pending = new Map<number, PendingTask>();
    const worker = new Worker(new URL('./disk-worker.ts', import.meta.url), { workerData: this.#stopFlag.buffer });
    worker.on('message', ({ taskId, failure }: UnpackReply) => {
      const task = pending.get(taskId);
      pending.delete(taskId);
      if (failure === undefined) task?.resolve();
      else task?.reject('code' in failure ? revive(failure) : failure.cause);
    });
    worker.on('error', (error) => {
      for (const task of pending.values()) task.reject(error);
      pending.clear();
    });
    return { worker, pending };
  }
}

function revive({ code, message, remedy }: PlainError): EdgebootError {
  return new EdgebootError(code, message, { remedy });
}
