/** Writes the objects of an image into its folder of a repository. All go away again unless the image gets finished. */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { imageFolder, imageObjectKey, type ImageObjectKind } from '#shared/image/manifest.ts';
import { replaceFile } from './replace-file.ts';
import { removedUnlessFinished, type Unfinished } from './unfinished.ts';

export class ImageObjects implements Disposable {
  readonly #directory: string;
  readonly #imageId: string;
  readonly #written: Unfinished;

  private constructor(directory: string, imageId: string, written: Unfinished) {
    this.#directory = directory;
    this.#imageId = imageId;
    this.#written = written;
  }

  /** Throws what the file system says. */
  static async open(directory: string, imageId: string): Promise<ImageObjects> {
    const folder = path.join(directory, imageFolder(imageId));
    const isNew = !(await isThere(folder));
    const written = removedUnlessFinished(...(isNew ? [folder] : []));
    for (const kind of ['parts', 'indexes', 'manifests']) await mkdir(path.join(folder, kind), { recursive: true });
    return new ImageObjects(directory, imageId, written);
  }

  /** Named by its content: one that is there, of an earlier version, is left as it is. Throws DISK_FULL. */
  async write(objectKind: ImageObjectKind, sha256: string, bytes: Buffer): Promise<void> {
    const file = path.join(this.#directory, imageObjectKey(this.#imageId, objectKind, sha256));
    if (await isThere(file, bytes.length)) return;
    this.#written.add(file);
    await replaceFile(file, bytes);
  }

  /** A file beside the objects. Throws DISK_FULL. */
  async writeFile(name: string, content: string): Promise<void> {
    await replaceFile(path.join(this.#directory, imageFolder(this.#imageId), name), content);
  }

  finish(): void {
    this.#written.finish();
  }

  [Symbol.dispose](): void {
    this.#written[Symbol.dispose]();
  }
}

async function isThere(file: string, sizeBytes?: number): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found !== undefined && (sizeBytes === undefined || found.size === sizeBytes);
}
