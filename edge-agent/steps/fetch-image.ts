/**
 * Fetches the image: the signed manifest first, then every disk that is needed, each assembled in the agent's cache as it comes.
 * What is here already is not fetched again.
 */
import { hash } from 'node:crypto';
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { inspectDisk, requireCompliant } from '#shared/image/inspect-disk.ts';
import { type DiskDescription, imageObjectKey, type Manifest } from '#shared/image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES, verifySignedManifest } from '#shared/image/signed-manifest.ts';
import type { BaseImages } from '../base-image/base-images.ts';
import { fetchVerified } from '../transfer/fetch-verified.ts';
import type { TransferFlow } from '../transfer/transfer-flow.ts';
import type { TransferReport } from '../transfer/transfer-report.ts';
import { readIfThere, replaceFile } from '../durable-files.ts';
import type { PartSource } from '../ports.ts';
import { GrantHolder } from '../repositories/grant-holder.ts';
import type { Run } from '../run.ts';
import { together } from '../together.ts';
import { CombinedProgress } from './fetch-progress.ts';
import { diskFiles, type FetchedImage } from './fetched-image.ts';
import { LazyRepository, type OpenRepository } from './lazy-repository.ts';
import { reportProgress, type ReportPorts } from './report-status.ts';

export interface FetchPorts extends ReportPorts {
  readonly baseImages: BaseImages;
  /** Verified manifests are kept here. */
  readonly manifestDirectory: string;
  /** Opens the federation's distribution for one image, nearest edge first. */
  readonly openRepository: (grants: GrantHolder, signal: AbortSignal) => ReturnType<OpenRepository>;
  readonly rootPublicKeyPem: string;
  /** The way that the bytes of all transfers take. */
  readonly flow: TransferFlow;
}

/** Also checks each disk against the image standard. Throws IMAGE_NOT_COMPLIANT, MANIFEST_UNTRUSTED, PART_CORRUPT, PART_UNAVAILABLE, FORBIDDEN, DISK_FULL. */
export async function fetchImage(run: Run, ports: FetchPorts): Promise<FetchedImage> {
  await using repository = new LazyRepository(async () => {
    const renew = () => ports.api.renewGrant(run.job.deployment.deploymentId, run.signal);
    return ports.openRepository(new GrantHolder(run.grant ?? (await renew()), renew), run.signal);
  });
  const manifest = await readManifest(run, repository, ports);
  const disks = disksNeeded(manifest, run.job.deployment.desired.computes);
  const progress = new CombinedProgress(
    disks.map(({ disk }) => disk),
    (sofar) => void reportProgress(sofar, run, ports),
  );
  const files = new Map<string, string>();
  await run.stopwatch.time('fetch and assemble', () =>
    together(
      run.signal,
      disks.map(({ role, disk }, i) => async (signal) => {
        const { imageId } = manifest;
        await using opened = await ports.baseImages.open({ disk, imageId, source: repository, signal });
        const { image } = opened;
        const onProgress = (sofar: TransferReport): void => progress.update(i, sofar);
        progress.update(i, await image.fetchAll({ flow: ports.flow, signal, onProgress }));
        const read = (offsetBytes: number, lengthBytes: number) => image.read(offsetBytes, lengthBytes, signal);
        requireCompliant(await inspectDisk(read, disk.sizeBytes));
        files.set(role, image.file);
      }),
    ),
  );
  return { ...diskFiles(files), transfer: progress.summary() };
}

/** The manifest, verified each time it is read: its digest, its publisher's signature, and that it is the one asked for. */
async function readManifest(run: Run, source: PartSource, ports: FetchPorts): Promise<Manifest> {
  const { imageId, manifestSha256, publisherCertificate, imageName, version } = run.job.image;
  const file = path.join(ports.manifestDirectory, `${manifestSha256}.json`);
  const kept = await readIfThere(file);
  const isWhole = kept !== undefined && hash('sha256', kept) === manifestSha256;
  const key = imageObjectKey(imageId, 'manifests', manifestSha256);
  const request = { path: key, sizeBytes: undefined, maxBytes: MAX_SIGNED_MANIFEST_BYTES };
  const bytes = isWhole ? kept : (await fetchVerified(source, request, manifestSha256, run.signal)).bytes;
  const manifest = verifySignedManifest(bytes, {
    rootPublicKeyPem: ports.rootPublicKeyPem,
    certificate: Buffer.from(publisherCertificate),
    now: new Date(),
  });
  if (manifest.imageId !== imageId || manifest.imageName !== imageName || manifest.version !== version) {
    throw new EdgebootError('MANIFEST_UNTRUSTED', `the manifest is not that of ${imageName}@${version}`);
  }
  if (!isWhole) await replaceFile(file, bytes, 0o600);
  return manifest;
}

function disksNeeded({ disks }: Manifest, computes: number): { role: 'frontend' | 'compute'; disk: DiskDescription }[] {
  return [
    { role: 'frontend', disk: disks.frontend },
    ...(computes > 0 && disks.compute ? [{ role: 'compute' as const, disk: disks.compute }] : []),
  ];
}
