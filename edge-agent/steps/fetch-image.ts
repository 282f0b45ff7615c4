/**
 * Fetches the image: the signed manifest first, then every disk that is needed, each assembled in the agent's cache as it comes.
 * What is here already is not fetched again.
 */
import type { Run } from '../run.ts';
import { assembleDisks, type AssemblePorts, disksOf } from './assemble-disks.ts';
import { claimBases, type ClaimPorts } from './claim-bases.ts';
import { CombinedProgress } from './fetch-progress.ts';
import { diskFiles, type FetchedImage } from './fetched-image.ts';
import { distribution, type DistributionPorts } from './lazy-repository.ts';
import { type ManifestPorts, readManifest } from './read-manifest.ts';
import { reportProgress, type ReportPorts } from './report-status.ts';

export type FetchPorts = ReportPorts & AssemblePorts & ManifestPorts & DistributionPorts & ClaimPorts;

/** What is on its way is told in this phase. Also checks each disk against the image standard. Throws IMAGE_NOT_COMPLIANT, MANIFEST_UNTRUSTED, PART_CORRUPT, PART_UNAVAILABLE, FORBIDDEN, DISK_FULL, CONFLICT. */
export async function fetchImage(phase: 'FETCHING' | 'SCALING', run: Run, ports: FetchPorts): Promise<FetchedImage> {
  const { job, grant, signal } = run;
  const { deploymentId, desired } = job.deployment;
  const renew = () => ports.api.renewGrant(deploymentId, signal);
  await using source = distribution(grant, renew, 'fastest', signal, ports);
  const manifest = await readManifest(job.image, source, signal, ports);
  const disks = disksOf(manifest).filter(({ role }) => role === 'frontend' || desired.computes > 0);
  const bases = disks.map(({ disk }) => disk.index.sha256);
  await claimBases(deploymentId, bases, ports);
  const progress = new CombinedProgress(
    disks.map(({ disk }) => disk),
    (sofar) => void reportProgress(phase, sofar, run, ports),
  );
  const assembling = { manifest, source, progress, signal };
  const files = await run.stopwatch.time('fetch and assemble', () => assembleDisks(disks, assembling, ports));
  return { ...diskFiles(files), transfer: progress.summary() };
}
