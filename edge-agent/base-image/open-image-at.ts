/** A base image at a place of the caller's choice, shared with nobody. */
import { availableParallelism } from 'node:os';
import { imageFolder, type DiskDescription } from '#shared/image/manifest.ts';
import type { PartSource } from '../ports.ts';
import { BaseImage } from './base-image.ts';
import { fetchFrameIndex } from './load-frame-index.ts';
import { FrameFetcher } from './frame-fetcher.ts';
import { PartialImage } from './partial-image.ts';
import type { OpenedBaseImage } from './base-images.ts';

export interface ImageAtOptions {
  readonly file: string;
  /** What grows until it is complete; an earlier run of the same disk may have left it. */
  readonly partialFile: string;
  readonly disk: DiskDescription;
  readonly imageId: string;
  readonly source: PartSource;
  /** Whether the file is to survive the machine once it has its name. */
  readonly sync: boolean;
  /** Raw disks of this host that may hold some of the frames. */
  readonly reuse: readonly string[];
  readonly signal: AbortSignal;
}

/** The objects of one image, by their names within it. */
export function withinImage(source: PartSource, imageId: string): PartSource {
  return {
    fetch: (request, signal) => source.fetch({ ...request, path: `${imageFolder(imageId)}/${request.path}` }, signal),
  };
}

/** Throws MANIFEST_UNTRUSTED, DISK_FULL, and what the source throws. */
export async function openImageAt(options: ImageAtOptions): Promise<OpenedBaseImage> {
  const { file, partialFile, disk, imageId, sync, reuse, signal } = options;
  const findLocalDisks = () => Promise.resolve(reuse.map((local) => ({ file: local, indexBytes: undefined })));
  const source = withinImage(options.source, imageId);
  const index = await fetchFrameIndex(disk, source, signal);
  const partial = await PartialImage.open(partialFile, disk, { sync, finalMode: 0o644 });
  const fetcher = new FrameFetcher({ disk, index, source, partial });
  const unpackThreads = availableParallelism();
  const image = new BaseImage({
    file,
    sizeBytes: disk.sizeBytes,
    handle: partial.handle,
    fetcher,
    unpackThreads,
    findLocalDisks,
  });
  const close = (): Promise<void> => image.close();
  return { image, close, [Symbol.asyncDispose]: close };
}
