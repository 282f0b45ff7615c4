/** Brings here what a repository has, as far as names match: from a timer, say. What is here already costs a look. */
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import type { RepositorySettings } from '../config.ts';
import { imageFinder, readIndex, type RepositoryPorts } from './find-image.ts';
import type { FetchOptions } from './ports.ts';

export interface SyncedImage {
  readonly repository: string;
  readonly name: string;
  readonly result: 'here' | 'failed';
  readonly fetchedBytes: number;
  /** Why it failed; empty otherwise. */
  readonly detail: string;
}

export interface SyncOptions extends Pick<FetchOptions, 'onProgress' | 'onNotice' | 'signal'> {
  readonly onStep: (step: string) => void;
  readonly acceptChanges: boolean;
}

/** One that fails does not keep the others. Throws what opening the repository throws, the signal's reason. */
export async function syncRepository(
  { address, include, exclude }: RepositorySettings,
  options: SyncOptions,
  ports: RepositoryPorts,
): Promise<{ readonly images: SyncedImage[]; readonly errors: EdgebootError[] }> {
  const images: SyncedImage[] = [];
  const errors: EdgebootError[] = [];
  const matches = (name: string, globs: readonly string[]): boolean =>
    globs.some((glob) => path.matchesGlob(name, glob));
  await using repository = await ports.openRepository(address);
  const names = (await readIndex(repository, options.signal)).map(({ name }) => name);
  for (const name of names.filter((one) => matches(one, include) && !matches(one, exclude))) {
    options.onStep(`looking at ${name}`);
    let fetchedBytes = 0;
    const onProgress: FetchOptions['onProgress'] = (progress) => {
      ({ fetchedBytes } = progress);
      options.onProgress(progress);
    };
    try {
      await syncImage(address, name, { ...options, onProgress }, ports);
      images.push({ repository: address, name, result: 'here', fetchedBytes, detail: '' });
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof EdgebootError)) throw error;
      errors.push(error);
      images.push({ repository: address, name, result: 'failed', fetchedBytes, detail: error.message });
    }
  }
  return { images, errors };
}

async function syncImage(
  repository: string,
  name: string,
  options: SyncOptions,
  ports: RepositoryPorts,
): Promise<void> {
  const { acceptChanges, signal, onProgress, onNotice } = options;
  // No cluster needs it yet: should another image want its room, it may go.
  const claim = (): Promise<void> => Promise.resolve();
  await using image = await imageFinder(ports)({ repository, name, acceptChanges }, signal);
  await image.fetch({ computes: image.hasComputes ? 1 : 0, claim, onProgress, onNotice, signal });
}
