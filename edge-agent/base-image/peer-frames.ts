/** Frames of a disk that other agents of the site have: asked for part by part, and verified as they are written. */
import type { StoredFrame } from '#shared/image/frame-index.ts';
import type { FramesAnswer } from '../peers/peer-messages.ts';
import type { SitePeers } from '../peers/site-peers.ts';
import type { DiskWorkers } from '../transfer/disk-workers.ts';
import type { FrameFetcher } from './frame-fetcher.ts';
import { type FrameRun, planPart } from './missing-runs.ts';

export interface PeerFrames {
  /** Of the raw disk. */
  readonly rawBytes: number;
  /** What they would have cost at the edge. */
  readonly compressedBytes: number;
  /** Whether a peer is fetching what is still missing of the part. */
  readonly isComing: boolean;
}

/** Takes what is missing of a part and to be had. What is wrong with a peer is no failure. Throws DISK_FULL; the signal's reason. */
export async function takePeerFrames(
  partNumber: number,
  fetcher: FrameFetcher,
  peers: SitePeers,
  workers: DiskWorkers,
  signal: AbortSignal,
): Promise<PeerFrames> {
  const { index, disk, partial } = fetcher.of;
  const taken: StoredFrame[] = [];
  const take = async (run: FrameRun, bytes: Buffer, { offsets }: FramesAnswer): Promise<boolean> => {
    const given = run.frames.flatMap((frame) => {
      const fromOffsetBytes = offsets.get(frame.frameNumber);
      return fromOffsetBytes === undefined ? [] : [{ frame, fromOffsetBytes }];
    });
    const frames = given.map(({ frame: { diskOffsetBytes, rawSizeBytes, rawSha256 }, fromOffsetBytes }) => ({
      ...{ fromOffsetBytes, diskOffsetBytes, rawSizeBytes, rawSha256 },
    }));
    const isWritten = await workers.writeRawFrames({ bytes, fileDescriptor: partial.handle.fd, frames });
    const written = given.filter((_, i) => isWritten[i]).map(({ frame }) => frame);
    partial.add(written.map(({ frameNumber }) => frameNumber));
    taken.push(...written);
    return written.length === given.length;
  };

  let isComing = false;
  for (const peer of peers.inTurn()) {
    for (const run of planPart(index, partNumber, fetcher.isMissing)) {
      if (peer.isResting) break;
      const firstFrame = run.frames[0]?.frameNumber ?? 0;
      const question = { disk: disk.index.sha256, firstFrame, endFrame: firstFrame + run.frames.length };
      const rawSizes = run.frames.map(({ rawSizeBytes }) => rawSizeBytes);
      const isPromised = await peers.ask(peer, question, rawSizes, (bytes, answer) => take(run, bytes, answer), signal);
      isComing ||= isPromised;
    }
  }
  const sum = (of: (frame: StoredFrame) => number): number => taken.reduce((total, frame) => total + of(frame), 0);
  return { rawBytes: sum((one) => one.rawSizeBytes), compressedBytes: sum((one) => one.lengthBytes), isComing };
}
