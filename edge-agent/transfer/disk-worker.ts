/** A thread that hashes, decompresses and writes what the main thread has fetched, one task at a time. See disk-tasks.ts. */
import { hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { EdgebootError } from '#shared/errors.ts';
import { MAX_DISK_BYTES } from '#shared/image/part-layout.ts';
import {
  type BlockDone,
  type BlockTask,
  type DiskTasks,
  type InflateDone,
  type InflateTask,
  NO_MORE_TASKS,
  type TaskKind,
  type TaskMessage,
  type TaskReply,
} from './disk-tasks.ts';
import { copyFrames, digestFrames, writeRawFrames } from './copy-frames.ts';
import type { Inflater } from './inflater.ts';
import { createUnpacker, type Unpack } from './unpack-frames.ts';
import { writeSparse } from './write-sparse.ts';

const stopFlag = new Int32Array(workerData as SharedArrayBuffer);
const mayGoOn = (): boolean => Atomics.load(stopFlag, 0) === 0;
const streams = new Map<number, Inflater>();
let unpack: Unpack | undefined;

const work: { [Kind in TaskKind]: (task: DiskTasks[Kind]['task']) => Promise<DiskTasks[Kind]['done']> } = {
  frames: (task) => {
    unpack ??= createUnpacker();
    unpack(task, mayGoOn);
    return Promise.resolve(undefined);
  },
  block: (task) => Promise.resolve(writeBlock(task)),
  inflate: inflateBlock,
  copy: (task) => Promise.resolve(copyFrames(task, mayGoOn)),
  raw: (task) => Promise.resolve(writeRawFrames(task, mayGoOn)),
  digest: (task) => Promise.resolve(digestFrames(task)),
  endStream: async ({ streamId, isWhole }) => {
    const inflater = streams.get(streamId);
    streams.delete(streamId);
    if (isWhole) await inflater?.end();
    return undefined;
  },
};

function writeBlock({ fileDescriptor, bytes, offsetBytes, expectedSha256 }: BlockTask): BlockDone {
  const sha256 = hash('sha256', bytes);
  const isTaken = sha256 === (expectedSha256 ?? sha256);
  if (isTaken) writeWhile(fileDescriptor, asBuffer(bytes), offsetBytes);
  return { sha256, isTaken };
}

async function inflateBlock(task: InflateTask): Promise<InflateDone> {
  const { streamId, fileDescriptor, bytes, offsetBytes, endBytes, expectedSha256, resumeFrom, wantsState } = task;
  const sha256 = hash('sha256', bytes);
  const inflater = streams.get(streamId) ?? (await openInflater(resumeFrom));
  streams.set(streamId, inflater);
  const isTaken = sha256 === (expectedSha256 ?? sha256);
  let producedBytes = 0;
  if (isTaken) {
    await inflater.feed(bytes, (raw) => {
      if (offsetBytes + producedBytes + raw.length > endBytes) throw tooLong(endBytes);
      writeWhile(fileDescriptor, raw, offsetBytes + producedBytes);
      producedBytes += raw.length;
    });
  }
  return { sha256, isTaken, producedBytes, state: isTaken && wantsState ? inflater.state() : undefined };
}

/** Native images do without: it is loaded when it is needed. */
async function openInflater(resumeFrom: Uint8Array | undefined): Promise<Inflater> {
  const { createInflater } = await import('./inflater.ts');
  return createInflater(resumeFrom);
}

function writeWhile(fileDescriptor: number, raw: Buffer, offsetBytes: number): void {
  if (!mayGoOn()) throw new EdgebootError('CANCELED', 'The transfer was stopped.');
  writeSparse(fileDescriptor, raw, offsetBytes);
}

function tooLong(endBytes: number): EdgebootError {
  if (endBytes < MAX_DISK_BYTES)
    return new EdgebootError('PART_CORRUPT', 'A compressed part holds more than it should.');
  return new EdgebootError('IMAGE_NOT_COMPLIANT', `The disk has more than ${MAX_DISK_BYTES} bytes.`);
}

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

parentPort?.on('message', (message: TaskMessage | typeof NO_MORE_TASKS) => {
  if (message === NO_MORE_TASKS) return parentPort?.close();
  void run(message).then((reply) => parentPort?.postMessage(reply));
});

async function run<Kind extends TaskKind>({ taskId, kind, task }: TaskMessage<Kind>): Promise<TaskReply> {
  try {
    return { taskId, done: await work[kind](task) };
  } catch (error) {
    if (!(error instanceof EdgebootError)) return { taskId, failure: { cause: error } };
    const { code, message, remedy } = error;
    return { taskId, failure: { code, message, remedy } };
  }
}
