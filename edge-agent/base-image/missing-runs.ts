/** Plans what to fetch: neighboring missing frames of one part become one request. Pure. */
import { countFramesOfPart, type FrameIndex, type StoredFrame } from '#shared/image/frame-index.ts';
import { type DiskDescription, FRAMES_PER_PART, type PartDescription } from '#shared/image/manifest.ts';

/** Frames that follow each other in one part: one request, by range unless it is the whole part. */
export interface FrameRun {
  readonly part: PartDescription;
  readonly frames: readonly StoredFrame[];
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

/** The runs of the frames in [firstFrame, endFrame) for which `isMissing` says so. */
export function planRuns(
  index: FrameIndex,
  firstFrame: number,
  endFrame: number,
  isMissing: (frame: number) => boolean,
): FrameRun[] {
  const runs: StoredFrame[][] = [];
  let previous: StoredFrame | undefined;
  for (let number = firstFrame; number < Math.min(endFrame, index.frameCount); number++) {
    const frame = isMissing(number) ? index.locate(number) : 'zero';
    if (frame === 'zero') continue;
    const continues = previous?.frameNumber === number - 1 && previous.part.number === frame.part.number;
    if (continues) runs.at(-1)?.push(frame);
    else runs.push([frame]);
    previous = frame;
  }
  return runs.flatMap((frames) => toRun(frames));
}

/** The runs of one part. */
export function planPart(index: FrameIndex, partNumber: number, isMissing: (frame: number) => boolean): FrameRun[] {
  const firstFrame = partNumber * FRAMES_PER_PART;
  return planRuns(index, firstFrame, firstFrame + FRAMES_PER_PART, isMissing);
}

function toRun(frames: readonly StoredFrame[]): FrameRun[] {
  const first = frames[0];
  const last = frames.at(-1);
  if (first === undefined || last === undefined) return [];
  const offsetBytes = first.objectOffsetBytes;
  return [
    { part: first.part, frames, offsetBytes, lengthBytes: last.objectOffsetBytes + last.lengthBytes - offsetBytes },
  ];
}

/** Compressed bytes of all missing frames. */
export function missingBytes(index: FrameIndex, disk: DiskDescription, isMissing: (frame: number) => boolean): number {
  let sumBytes = 0;
  for (const part of disk.parts) {
    const firstFrame = part.number * FRAMES_PER_PART;
    const frameCount = countFramesOfPart(part.number, disk.sizeBytes);
    const missing = Array.from({ length: frameCount }, (_, i) => firstFrame + i).filter(isMissing);
    if (missing.length === frameCount) sumBytes += part.sizeBytes;
    else for (const run of planPart(index, part.number, isMissing)) sumBytes += run.lengthBytes;
  }
  return sumBytes;
}
