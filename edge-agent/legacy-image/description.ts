/** Fetches the description of an older image: small, and all that is known before its disks. */
import { hash } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';
import { MAX_XML_BYTES } from '#shared/vc-xml/bounded-xml.ts';
import { isPlainPath } from '#shared/vc-xml/part-path.ts';
import { readVcIn } from '#shared/vc-xml/read-vc-in.ts';
import type { VirtualCluster } from '#shared/vc-xml/vc-in.ts';
import type { PartSource } from '../ports.ts';

export interface LegacyDescription {
  /** Below the repository's root. */
  readonly path: string;
  readonly sha256: string;
  readonly cluster: VirtualCluster;
}

/** @param path from the repository's index. Throws IMAGE_NOT_COMPLIANT, and what the source throws. */
export async function fetchDescription(
  source: PartSource,
  path: string,
  signal: AbortSignal,
): Promise<LegacyDescription> {
  if (!isPlainPath(path)) {
    throw new EdgebootError('IMAGE_NOT_COMPLIANT', 'The repository names a description outside of its own folders.');
  }
  const { bytes } = await source.fetch({ path, sizeBytes: undefined, maxBytes: MAX_XML_BYTES }, signal);
  return { path, sha256: hash('sha256', bytes), cluster: readVcIn(bytes) };
}
