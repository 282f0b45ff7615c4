/** What the journal knows of a cluster that has run. */
import type { ImageCache } from '../cache/image-cache.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { PlannedNode } from '../core/plan-cluster.ts';
import type { ClusterFiles, Journal, JournalEntry, NodePlan } from '../ports.ts';
import { diskFiles, type FetchedDisks } from './fetched-image.ts';
import { keptNodes } from './kept-nodes.ts';

export interface OwnNodesPorts {
  readonly clusterFiles: ClusterFiles;
  readonly imageCache: Pick<ImageCache, 'folderOf'>;
}

/** Throws CONFLICT where it is not known any more. */
export async function requireEntry(deploymentId: string, journal: Journal): Promise<JournalEntry> {
  const entry = await journal.read(deploymentId);
  if (entry === undefined) throw incomplete('its place at the site is not known any more');
  return entry;
}

/** These nodes of it, ready to boot on the disks that they have. Throws CONFLICT where one is gone. */
export function ownNodes(
  entry: JournalEntry,
  planned: readonly PlannedNode[],
  { clusterFiles, imageCache }: OwnNodesPorts,
): Promise<NodePlan[]> {
  const directory = clusterFiles.directoryOf(entry.deploymentId);
  return keptNodes(entry.plan, planned, disksOf(entry, imageCache), directory, incomplete);
}

/** The journal names the frontend's base first; where it names one alone, it is everybody's. */
function disksOf({ bases = [] }: JournalEntry, imageCache: OwnNodesPorts['imageCache']): FetchedDisks {
  const [frontend, compute = frontend] = bases.map((base) => imageCache.folderOf(base).disk);
  if (frontend === undefined || compute === undefined) throw incomplete('what its disks are made on is not known');
  return diskFiles(new Map(Object.entries({ frontend, compute })));
}

function incomplete(why: string): EdgebootError {
  return new EdgebootError('CONFLICT', `the cluster is not complete: ${why}`, {
    remedy: 'Destroy it, then deploy the image again.',
  });
}
