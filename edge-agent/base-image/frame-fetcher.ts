/** Brings frames of one incomplete disk here: fetch, verify, write, note. No frame is fetched twice at the same time. */
import type { FrameIndex } from '#shared/image/frame-index.ts';
import { type DiskDescription, imageObjectName } from '#shared/image/manifest.ts';
import type { Delivery, PartSource } from '../ports.ts';
import type { SizedRequest, TransferFlow } from '../transfer/transfer-flow.ts';
import type { FrameRun } from './missing-runs.ts';
import type { PartialImage } from './partial-image.ts';
import type { Unpacking } from '../transfer/unpack-frames.ts';

export interface IncompleteDisk {
  readonly disk: DiskDescription;
  readonly index: FrameIndex;
  /** Asked for objects by their names within the image. */
  readonly source: PartSource;
  readonly partial: PartialImage;
}

export interface FetchOptions {
  /** The way that the bytes take. */
  readonly flow: TransferFlow;
  readonly unpack: (unpacking: Unpacking) => Promise<void>;
  readonly signal: AbortSignal;
}

export class FrameFetcher {
  readonly of: IncompleteDisk;
  /** By frame: settles when the fetch that includes it has ended, well or not; never rejects. */
  readonly #inFlight = new Map<number, Promise<unknown>>();
  #givenUp: Error | undefined;

  constructor(incomplete: IncompleteDisk) {
    this.of = incomplete;
  }

  /** Neither here nor on its way. */
  readonly isMissing = (frame: number): boolean => !this.of.partial.presence.has(frame) && !this.#inFlight.has(frame);

  isOnItsWay(frame: number): boolean {
    return this.#inFlight.has(frame);
  }

  hasAll(firstFrame: number, endFrame: number): boolean {
    for (let frame = firstFrame; frame < endFrame; frame++) if (!this.of.partial.presence.has(frame)) return false;
    return true;
  }

  /** Settles when those frames of [firstFrame, endFrame) that are on their way now have arrived or failed. */
  async settle(firstFrame: number, endFrame: number): Promise<void> {
    const underWay = new Set<Promise<unknown>>();
    for (const [frame, fetch] of this.#inFlight) if (frame >= firstFrame && frame < endFrame) underWay.add(fetch);
    await Promise.all(underWay);
  }

  /** Throws what the source throws, PART_CORRUPT when four copies were corrupt, MANIFEST_UNTRUSTED, DISK_FULL. */
  async fetch(run: FrameRun, options: FetchOptions): Promise<Delivery> {
    const fetching = this.#fetch(run, options);
    const settled = fetching.catch(() => undefined);
    for (const frame of run.frames) this.#inFlight.set(frame.frameNumber, settled);
    try {
      return await fetching;
    } finally {
      for (const frame of run.frames) this.#inFlight.delete(frame.frameNumber);
    }
  }

  /** The disk is full: what is on its way is not written any more. */
  giveUp(error: Error): void {
    this.#givenUp = error;
  }

  async #fetch(run: FrameRun, { flow, unpack, signal }: FetchOptions): Promise<Delivery> {
    const { partial, source } = this.of;
    const delivery = await flow.use(source, requestOf(run), signal, async (fetched) => {
      if (this.#givenUp !== undefined) throw this.#givenUp;
      await unpack({
        fileDescriptor: partial.handle.fd,
        bytes: fetched.bytes,
        frames: run.frames.map(({ lengthBytes, sha256, diskOffsetBytes, rawSizeBytes }) => ({
          lengthBytes,
          sha256,
          diskOffsetBytes,
          rawSizeBytes,
        })),
      });
      return fetched.delivery;
    });
    partial.add(run.frames.map((frame) => frame.frameNumber));
    return delivery;
  }
}

function requestOf({ part, offsetBytes, lengthBytes }: FrameRun): SizedRequest {
  const { sha256, sizeBytes } = part;
  const whole: SizedRequest = { path: imageObjectName('parts', sha256), sizeBytes };
  return lengthBytes === sizeBytes ? whole : { ...whole, range: { offsetBytes, lengthBytes } };
}
