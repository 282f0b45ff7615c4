/** A base image at a place of the caller's choice, shared with nobody. */
import { availableParallelism } from 'node:os';
import { imageFolder, type DiskDescription } from '#shared/image/manifest.ts';
import type { PartSource } from '../ports.ts';
import { BaseImage } from './base-image.ts';
import { fetchFrameIndex } from './load-frame-index.ts';
import { FrameFetcher } from './frame-fetcher.ts';
import { PartialFile } from './partial-file.ts';
import type { OpenedBaseImage } from './base-images.ts';

export interface ImageAtOptions {
  readonly file: string;
  /** What grows until it is complete; an earlier run of the same disk may have left it. */
  readonly partialFile: string;
  readonly disk: DiskDescription;
  readonly imageId: string;
  readonly source: PartSource;
  readonly signal: AbortSignal;
}

/** Throws MANIFEST_UNTRUSTED, DISK_FULL, and what the source throws. */
export async function openImageAt(options: ImageAtOptions): Promise<OpenedBaseImage> {
  const { file, partialFile, disk, imageId, signal } = options;
  const source: PartSource = {
    fetch: (request, abort) =>
      options.source.fetch({ ...request, path: `${imageFolder(imageId)}/${request.path}` }, abort),
  };
  const index = await fetchFrameIndex(disk, source, signal);
  const partial = await PartialFile.open(partialFile, disk);
  const fetcher = new FrameFetcher({ disk, index, source, partial });
  const unpackThreads = availableParallelism();
  const image = new BaseImage({ file, sizeBytes: disk.sizeBytes, handle: partial.handle, fetcher, unpackThreads });
  const close = (): Promise<void> => image.close();
  return { image, close, [Symbol.asyncDispose]: close };
}
