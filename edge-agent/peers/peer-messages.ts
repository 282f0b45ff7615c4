/** What agents of one site ask each other, and what they answer. Pure. A disk is named by the SHA-256 of its frame index. */
import { EdgebootError } from '#shared/errors.ts';
import { FRAME_SIZE_BYTES, FRAMES_PER_PART } from '#shared/image/part-layout.ts';

/** The frames [firstFrame, endFrame) of a disk, no more than a part has. */
export interface FramesQuestion {
  readonly disk: string;
  readonly firstFrame: number;
  readonly endFrame: number;
}

/** `frames` is absent where the frame index is asked for. */
export interface PeerQuestion {
  readonly disk: string;
  readonly frames: Omit<FramesQuestion, 'disk'> | undefined;
}

const PATH = /^\/v1\/disks\/([0-9a-f]{64})\/(?:index|frames\/(\d{1,7})-(\d{1,7}))$/;

export const indexPath = (disk: string): string => `/v1/disks/${disk}/index`;
export const framesPath = ({ disk, firstFrame, endFrame }: FramesQuestion): string =>
  `/v1/disks/${disk}/frames/${firstFrame}-${endFrame}`;

/** `undefined` where nothing of that kind can be asked for. */
export function parsePeerPath(path: string): PeerQuestion | undefined {
  const [, disk, first, end] = PATH.exec(path) ?? [];
  if (disk === undefined) return undefined;
  if (first === undefined) return { disk, frames: undefined };
  const frames = { firstFrame: Number(first), endFrame: Number(end) };
  const count = frames.endFrame - frames.firstFrame;
  return count >= 1 && count <= FRAMES_PER_PART ? { disk, frames } : undefined;
}

/** `coming`: the peer fetches it at this moment. */
export type FrameState = 'absent' | 'coming' | 'here';
const STATES: readonly FrameState[] = ['absent', 'coming', 'here'];

/** What an answer begins with: a byte for each frame that was asked for. Those that are here follow, raw, in order. */
export function encodeStates(states: readonly FrameState[]): Buffer {
  return Buffer.from(states.map((state) => STATES.indexOf(state)));
}

/** The most that an answer may have. */
export const framesAnswerBytes = ({ firstFrame, endFrame }: Omit<FramesQuestion, 'disk'>): number =>
  (endFrame - firstFrame) * (1 + FRAME_SIZE_BYTES);

export interface FramesAnswer {
  readonly states: readonly FrameState[];
  /** Where in the answer each frame begins that is here; nobody has verified it yet. */
  readonly offsets: ReadonlyMap<number, number>;
}

/**
 * @param rawSizes of the frames that were asked for
 * @throws EdgebootError PART_UNAVAILABLE where it is no answer to that
 */
export function decodeFramesAnswer(bytes: Buffer, firstFrame: number, rawSizes: readonly number[]): FramesAnswer {
  const states = rawSizes.map((_, i) => STATES[bytes[i] ?? STATES.length]).filter((state) => state !== undefined);
  const offsets = new Map<number, number>();
  let position = rawSizes.length;
  for (const [i, state] of states.entries()) {
    if (state !== 'here') continue;
    offsets.set(firstFrame + i, position);
    position += rawSizes[i] ?? 0;
  }
  if (states.length === rawSizes.length && position === bytes.length) return { states, offsets };
  throw new EdgebootError('PART_UNAVAILABLE', 'A peer answered with something else than it was asked for.');
}
