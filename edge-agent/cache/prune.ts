/** Removes from the cache what nobody needs: at any time, beside agents that work with it. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isNotThere, statIfThere } from '../durable-files.ts';
import type { ImageCache } from './image-cache.ts';
import { planPrune, type PruneWish } from './plan-prune.ts';
import { sumOf } from './plan-room.ts';
import type { CachedBase } from './survey.ts';

export interface Pruned {
  readonly bases: readonly CachedBase[];
  /** Manifests, too, where everything goes: they are fetched again in no time. */
  readonly freedBytes: number;
  /** What bases still take. */
  readonly leftBytes: number;
}

/** @param dryRun only tells what would be removed. */
export async function prune(cache: ImageCache, wish: PruneWish, dryRun: boolean): Promise<Pruned> {
  let before: readonly CachedBase[] = [];
  let chosen: readonly CachedBase[] = [];
  const removed = await cache.remove((bases, space) => {
    before = bases;
    chosen = planPrune(bases, space, cache.limits, wish);
    return dryRun ? [] : chosen;
  });
  const bases = dryRun ? chosen : removed;
  const manifestBytes = wish.all ? await removeManifests(cache.manifestDirectory, dryRun) : 0;
  const freedBytes = sumOf(bases);
  return { bases, freedBytes: freedBytes + manifestBytes, leftBytes: sumOf(before) - freedBytes };
}

async function removeManifests(directory: string, dryRun: boolean): Promise<number> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (isNotThere(error)) return [];
    throw error;
  });
  let freedBytes = 0;
  // Those that are just being written have other names.
  for (const file of names.filter((name) => name.endsWith('.json')).map((name) => join(directory, name))) {
    freedBytes += ((await statIfThere(file))?.blocks ?? 0) * 512;
    if (!dryRun) await rm(file, { force: true });
  }
  return freedBytes;
}
