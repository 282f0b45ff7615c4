/**
 * A warming: every object of an image comes through the edge nearest to this site, so that the edge has it when somebody deploys. With
 * `keep` the disks are assembled in the agent's cache, as for a deployment. Nothing is booted, nothing allocated. Another edge is asked
 * only while the nearest does not answer, or has a corrupt copy.
 *
 *   manifest → pull, or assemble → report
 */
import { EdgebootError } from '#shared/errors.ts';
import type { Manifest } from '#shared/image/manifest.ts';
import type { Log } from '#shared/log-fields.ts';
import type { PartSource, WarmingApi } from './ports.ts';
import type { WarmRun } from './run.ts';
import { assembleDisks, type AssemblePorts, disksOf } from './steps/assemble-disks.ts';
import { CombinedProgress } from './steps/fetch-progress.ts';
import { distribution, type DistributionPorts } from './steps/lazy-repository.ts';
import { objectsOf, pullObjects } from './steps/pull-image.ts';
import { type ManifestPorts, readManifest } from './steps/read-manifest.ts';
import { reportWarming, reportWarmingProgress } from './steps/report-warming.ts';
import type { TransferReport } from './transfer/transfer-report.ts';

export type WarmPorts = AssemblePorts &
  ManifestPorts &
  DistributionPorts & { readonly api: WarmingApi; readonly log: Log };

/** Throws NOT_FOUND (the image is gone), what fetching throws, and what reporting throws. */
export async function warm(run: WarmRun, ports: WarmPorts): Promise<void> {
  const { grant, signal } = run;
  const { warming, image } = run.job;
  const { warmingId, imageName, imageVersion, keep } = warming;
  if (image === undefined) throw new EdgebootError('NOT_FOUND', `${imageName}@${imageVersion} is gone`);
  await reportWarming({ phase: 'FETCHING' }, run, ports);

  const begin = performance.now();
  const renew = () => ports.api.renewWarmingGrant(warmingId, signal);
  await using source = distribution(grant, renew, 'nearest', signal, ports);
  const manifestDirectory = keep ? ports.manifestDirectory : undefined;
  const manifest = await readManifest(image, source, signal, { ...ports, manifestDirectory });
  const progress = await (keep ? assemble : pull)(manifest, source, run, ports);

  const seconds = Math.round(performance.now() - begin) / 1000;
  await reportWarming({ phase: 'DONE', outcome: { ...progress.summary(), seconds } }, run, ports);
}

async function pull(manifest: Manifest, source: PartSource, run: WarmRun, ports: WarmPorts): Promise<CombinedProgress> {
  const disks = disksOf(manifest).map(({ disk }) => disk);
  const objects = objectsOf(manifest.imageId, disks);
  const progress = new CombinedProgress([{ parts: objects }], (sofar) => void reportWarmingProgress(sofar, run, ports));
  const onProgress = (sofar: TransferReport): void => progress.update(0, sofar);
  await pullObjects(objects, { source, flow: ports.flow, onProgress, signal: run.signal });
  return progress;
}

async function assemble(
  manifest: Manifest,
  source: PartSource,
  run: WarmRun,
  ports: WarmPorts,
): Promise<CombinedProgress> {
  const disks = disksOf(manifest);
  const parts = disks.map(({ disk }) => disk);
  const progress = new CombinedProgress(parts, (sofar) => void reportWarmingProgress(sofar, run, ports));
  await assembleDisks(disks, { manifest, source, progress, signal: run.signal }, ports);
  return progress;
}
