/** What every work finds: images, servers, and a clean state. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import type { BenchImages } from '../images/bench-images.ts';
import type { BenchServers } from '../servers/bench-servers.ts';

export interface Surroundings {
  readonly images: BenchImages;
  readonly servers: BenchServers;
  /** Works make folders in it. */
  readonly directory: string;
}

/** Something that is measured once in each round. Throws where it fails, or brings a wrong result about. */
export type Work<Result> = (around: Surroundings) => Promise<Result>;

/**
 * Nothing is left of the work before, neither files nor pages that still have to be written. What is served stays in the page cache.
 * @param work gets an empty folder, which is removed
 */
export async function inCleanState<T>({ directory }: Surroundings, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(directory, { recursive: true });
  const folder = await mkdtemp(path.join(directory, 'run-'));
  try {
    await runCommandOrThrow('sync', []);
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
