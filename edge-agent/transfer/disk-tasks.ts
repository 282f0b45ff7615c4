/** What the threads that write disks are asked, and what they answer. */
import type { ErrorCode } from '#shared/errors.ts';
import type { Unpacking } from './unpack-frames.ts';

/** Bytes that came from the network, for the sparse file at `offsetBytes`. */
export interface BlockTask {
  readonly fileDescriptor: number;
  readonly bytes: Uint8Array;
  readonly offsetBytes: number;
  /** What the bytes must hash to; `undefined` where nobody knows. Otherwise nothing is done with them. */
  readonly expectedSha256: string | undefined;
}

/** The next piece of a gzip stream. */
export interface InflateTask extends BlockTask {
  readonly streamId: number;
  /** State of an earlier run, with the first task of a stream. */
  readonly resumeFrom: Uint8Array | undefined;
  /** Nothing is written from here on. */
  readonly endBytes: number;
  /** Whether the answer is to have the state. */
  readonly wantsState: boolean;
}

/** Frames of another disk of this host, to be copied where they are what they should be. */
export interface CopyTask {
  readonly fromDescriptor: number;
  readonly fileDescriptor: number;
  readonly frames: readonly FrameCopy[];
}

/** Raw frames that came from elsewhere, to be written where they are what they should be. */
export interface RawTask {
  readonly bytes: Uint8Array;
  readonly fileDescriptor: number;
  /** `fromOffsetBytes`: within `bytes`. */
  readonly frames: readonly FrameCopy[];
}

export interface FrameCopy {
  readonly fromOffsetBytes: number;
  readonly diskOffsetBytes: number;
  readonly rawSizeBytes: number;
  readonly rawSha256: string;
}

/** Digests of frames as they are in a raw disk, one after another; shorter at its end. */
export interface DigestTask {
  readonly fileDescriptor: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

export interface BlockDone {
  readonly sha256: string;
  /** False where the digest was not the expected one. */
  readonly isTaken: boolean;
}

export interface InflateDone extends BlockDone {
  readonly producedBytes: number;
  /** For a later run to go on from here; `undefined` where that is not wanted, or cannot be. */
  readonly state: Uint8Array | undefined;
}

export interface DiskTasks {
  frames: { readonly task: Unpacking; readonly done: undefined };
  block: { readonly task: BlockTask; readonly done: BlockDone };
  inflate: { readonly task: InflateTask; readonly done: InflateDone };
  /** Answers which of the frames were copied. */
  copy: { readonly task: CopyTask; readonly done: readonly boolean[] };
  /** Answers which of the frames were written. */
  raw: { readonly task: RawTask; readonly done: readonly boolean[] };
  digest: { readonly task: DigestTask; readonly done: readonly string[] };
  /** `isWhole`: there is no further piece; otherwise it is given up. */
  endStream: { readonly task: { readonly streamId: number; readonly isWhole: boolean }; readonly done: undefined };
}

export type TaskKind = keyof DiskTasks;

/** Instead of a task: there will be no more. */
export const NO_MORE_TASKS = 'no more';

export interface TaskMessage<Kind extends TaskKind = TaskKind> {
  readonly taskId: number;
  readonly kind: Kind;
  readonly task: DiskTasks[Kind]['task'];
}

/** Errors of ours lose their class on the way between threads: they travel as what they are made of. */
export interface TaskReply {
  readonly taskId: number;
  readonly done?: unknown;
  readonly failure?: PlainError | { readonly cause: unknown };
}

export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}
