/** Writes the objects of an image into its folder of a repository: beside it first, and in their places once all are there. */
import { mkdirSync, renameSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import path from 'node:path';
import { imageFolder, type ImageObjectKind, imageObjectName } from '#shared/image/manifest.ts';
import { removedUnlessFinished } from './unfinished.ts';

const KINDS: readonly ImageObjectKind[] = ['parts', 'indexes', 'manifests'];

export class ImageObjects implements Disposable {
  readonly #folder: string;
  readonly #unfinished: string;
  readonly #removal: Disposable;
  /** Names within the image, in the order in which they get their places. */
  readonly #names = new Set<string>();

  /** Throws what the file system says. */
  constructor(directory: string, imageId: string) {
    this.#folder = path.join(directory, imageFolder(imageId));
    this.#unfinished = path.join(directory, `.${imageId}.${process.pid}.new`);
    this.#removal = removedUnlessFinished(this.#unfinished);
    for (const kind of KINDS) mkdirSync(path.join(this.#unfinished, kind), { recursive: true });
  }

  /** Named by its content: one that is there, of an earlier version, is left as it is. */
  async write(objectKind: ImageObjectKind, sha256: string, bytes: Buffer): Promise<void> {
    const name = imageObjectName(objectKind, sha256);
    const there = await stat(path.join(this.#folder, name)).catch(() => undefined);
    if (there?.size !== bytes.length) await this.writeFile(name, bytes);
  }

  /** Replaces one that is there. */
  async writeFile(name: string, content: Buffer | string): Promise<void> {
    await using file = await open(path.join(this.#unfinished, name), 'w');
    await file.writeFile(content);
    await file.datasync();
    this.#names.add(name);
  }

  /** Whoever reads meanwhile finds what the manifest names: that comes last. */
  finish(): void {
    for (const kind of KINDS) mkdirSync(path.join(this.#folder, kind), { recursive: true });
    for (const name of this.#names) renameSync(path.join(this.#unfinished, name), path.join(this.#folder, name));
  }

  [Symbol.dispose](): void {
    this.#removal[Symbol.dispose]();
  }
}
