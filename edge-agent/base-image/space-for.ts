/** How much space frames take on the disk. Pure. */
import type { FrameIndex } from '#shared/image/frame-index.ts';
import { FRAME_SIZE_BYTES } from '#shared/image/manifest.ts';

/** Of those frames for which `isMissing` says so: no more than this, since zeros within a frame stay holes. */
export function spaceFor(index: FrameIndex, isMissing: (frame: number) => boolean): number {
  let frames = 0;
  for (let frame = 0; frame < index.frameCount; frame++) if (isMissing(frame) && index.mayHoldData(frame)) frames++;
  return frames * FRAME_SIZE_BYTES;
}
