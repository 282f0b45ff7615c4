/** Fetches one disk of an image, from wherever it is named, into a file: no cache, no cluster, no hypervisor. */
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { isNotThere } from '../durable-files.ts';
import type { PartSource } from '../ports.ts';
import { fetchLegacyDisk } from './legacy-disk.ts';
import { fetchNativeDisk } from './native-disk.ts';
import type { DiskRequest, FetchedToFile, PlannedFetch } from './ports.ts';
import type { NamedSource } from './source.ts';

export interface FetchDiskPorts {
  readonly openRepository: (named: NamedSource, signal: AbortSignal) => Promise<PartSource & AsyncDisposable>;
  /** Between all processes of this host. `undefined` where somebody else has it. */
  readonly tryHoldLock: (name: string) => Promise<(() => Promise<void>) | undefined>;
}

/** Throws CONFLICT where the output is there already or being fetched, and what fetching and the repository throw. */
export async function fetchDisk(
  named: NamedSource,
  request: DiskRequest,
  ports: FetchDiskPorts,
): Promise<FetchedToFile | PlannedFetch> {
  const release = await ports.tryHoldLock(`output ${request.output}`);
  if (release === undefined) throw conflict(`${request.output} is being fetched by another process`);
  try {
    await requireFree(request.output);
    await using source = await ports.openRepository(named, request.signal);
    const { manifest, path } = named;
    if (manifest === undefined) return await fetchLegacyDisk(path, source, request);
    return await fetchNativeDisk(manifest, path, source, request);
  } finally {
    await release();
  }
}

async function requireFree(output: string): Promise<void> {
  const folder = await lstat(dirname(output)).catch(() => undefined);
  if (folder === undefined) throw new EdgebootError('NOT_FOUND', `there is no folder for ${output}`);
  const isFree = await lstat(output).then(() => false, isNotThere);
  if (!isFree) throw conflict(`${output} is there already`);
}

const conflict = (what: string): EdgebootError =>
  new EdgebootError('CONFLICT', what, { remedy: 'Choose another --output, or remove that file first.' });
