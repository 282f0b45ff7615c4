/** Which versions of an image lie in the bucket, whole and signed by somebody whom the federation certifies. */
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { Manifest } from '#shared/image/manifest.ts';
import { MAX_SIGNED_MANIFEST_BYTES, verifySignedManifest } from '#shared/image/signed-manifest.ts';
import type { PublisherCertificates } from '../ports.ts';
import { requireObjects } from '../publish-image/publish-image.ts';
import type { LeftOut, RebuildCatalogPorts } from './rebuild-catalog.ts';

export interface SignedVersion {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  readonly manifestSizeBytes: number;
  /** Who signed it, and the certificate that says so. */
  readonly memberId: string;
  readonly certificate: string;
}

export async function readManifests(
  imageId: string,
  certificates: PublisherCertificates,
  ports: RebuildCatalogPorts,
): Promise<{ readonly versions: readonly SignedVersion[]; readonly left: readonly LeftOut[] }> {
  const versions: SignedVersion[] = [];
  const left: LeftOut[] = [];
  for (const name of (await ports.bucket.list(imageId, 'manifests')).keys()) {
    const sha256 = name.replace(/\.json$/, '');
    try {
      versions.push(await readManifest(imageId, sha256, certificates, ports));
    } catch (error) {
      if (!(error instanceof EdgebootError) || error.disposition !== 'reject') throw error;
      left.push({ what: `manifest ${sha256} of image ${imageId}`, why: error.message });
    }
  }
  return { versions, left };
}

/** Throws MANIFEST_UNTRUSTED; INVALID_REQUEST where objects are missing; what the bucket throws. */
async function readManifest(
  imageId: string,
  manifestSha256: string,
  certificates: PublisherCertificates,
  ports: RebuildCatalogPorts,
): Promise<SignedVersion> {
  const envelope = await ports.bucket.read(imageId, 'manifests', manifestSha256, MAX_SIGNED_MANIFEST_BYTES);
  for (const [memberId, certificate] of certificates) {
    const manifest = openIfSignedBy(certificate, envelope, ports);
    if (manifest === undefined) continue;
    if (manifest.imageId !== imageId) throw new EdgebootError('MANIFEST_UNTRUSTED', 'it is of another image');
    await requireObjects(imageId, manifest, ports.bucket);
    return { manifest, manifestSha256, manifestSizeBytes: envelope.length, memberId, certificate };
  }
  throw new EdgebootError('MANIFEST_UNTRUSTED', 'nobody who has a certificate, and one that is good today, signed it');
}

function openIfSignedBy(certificate: string, envelope: Buffer, ports: RebuildCatalogPorts): Manifest | undefined {
  const trust = { rootPublicKeyPem: ports.rootPublicKeyPem, certificate: Buffer.from(certificate), now: ports.now() };
  try {
    return verifySignedManifest(envelope, trust);
  } catch (error) {
    if (!hasCode(error, 'MANIFEST_UNTRUSTED')) throw error;
    return undefined;
  }
}
