/** `siteId: any`: at which site a cluster comes up soonest, of those that take it now. Pure. */
import type { ImageVersion } from '#shared/api/images.ts';
import type { Capacity } from '#shared/api/sites.ts';
import { type EdgebootError, hasCode } from '#shared/errors.ts';
import type { Deployment, Desired } from '#shared/deployment.ts';
import type { Member } from './http/identity.ts';
import type { SiteRecord, Usage } from './ports.ts';
import { hoursWithin, quotaAt, requireRoom, usageOf } from './site-quota.ts';
import { type Refusal, refusalAt } from './site-rules.ts';
import { isHeard } from './site-silence.ts';

export interface SiteWish {
  readonly member: Member;
  readonly image: Pick<ImageVersion, 'imageId' | 'imageName' | 'version'>;
  readonly desired: Desired;
  readonly memoryMiB: Deployment['memoryMiB'];
  readonly hours: number | undefined;
  readonly at: Date;
}

export interface Candidate {
  readonly site: SiteRecord;
  /** What the member has there. */
  readonly taken: Usage;
}

/**
 * The one with the most bytes of this version in its cache, then the one with the most free, then the first by its id. Where none fits:
 * why not, site by site; FORBIDDEN where the member may deploy the image at none of them, NO_CAPACITY otherwise.
 */
export function chooseSite(candidates: readonly Candidate[], wish: SiteWish): SiteRecord | Refusal {
  const tried = candidates.map((candidate) => ({ site: candidate.site, refusal: obstacleAt(candidate, wish) }));
  const fitting = tried.filter(({ refusal }) => refusal === undefined).map(({ site }) => site);
  return fitting.toSorted((a, b) => compare(a, b, wish))[0] ?? nowhere(tried, wish);
}

/** Why it cannot be there now, as far as is known here; `undefined` where it can. */
function obstacleAt({ site, taken }: Candidate, wish: SiteWish): Refusal | undefined {
  const { member, image, at } = wish;
  const { siteId, lastSeen } = site;
  const refusal = refusalAt(site, member, image.imageName) ?? quotaRefusal({ site, taken }, wish);
  if (refusal) return refusal;
  const noCapacity = (message: string): Refusal => ({ code: 'NO_CAPACITY', message });
  if (!isHeard(site, at)) {
    return noCapacity(lastSeen === undefined ? `${siteId} was never heard` : `${siteId} is silent since ${lastSeen}`);
  }
  return shortageAt(site, wish);
}

/** Why there is no room for it, as its agent said last; `undefined` where there is. */
export function shortageAt(site: SiteRecord, wish: Pick<SiteWish, 'desired' | 'memoryMiB'>): Refusal | undefined {
  const { cpus, memoryMiB, publicAddresses } = freeAt(site);
  const wanted = demandOf(wish);
  if (wanted.cpus <= cpus && wanted.memoryMiB <= memoryMiB && publicAddresses > 0) return undefined;
  const free = `${cpus} CPUs, ${memoryMiB} MiB and ${publicAddresses} addresses free`;
  return { code: 'NO_CAPACITY', message: `${site.siteId} has ${free}` };
}

/** What it takes of a site, beside an address. */
export function demandOf({
  desired,
  memoryMiB,
}: Pick<SiteWish, 'desired' | 'memoryMiB'>): Omit<Capacity, 'publicAddresses'> {
  const { computes } = desired;
  return { cpus: usageOf({ desired }).cpus, memoryMiB: memoryMiB.frontend + computes * memoryMiB.compute };
}

function quotaRefusal({ site, taken }: Candidate, { member, image, desired, hours }: SiteWish): Refusal | undefined {
  const { siteId, access } = site;
  const quota = quotaAt(access, member, image.imageName);
  try {
    hoursWithin(siteId, hours, quota);
    requireRoom({ memberId: member.memberId, siteId }, usageOf({ desired }), taken, quota);
    return undefined;
  } catch (error) {
    if (!hasCode(error, 'QUOTA_EXCEEDED')) throw error;
    return error satisfies EdgebootError;
  }
}

function compare(a: SiteRecord, b: SiteRecord, wish: SiteWish): number {
  const [freeA, freeB] = [freeAt(a), freeAt(b)];
  return (
    cachedBytesAt(b, wish) - cachedBytesAt(a, wish) ||
    freeB.cpus - freeA.cpus ||
    freeB.memoryMiB - freeA.memoryMiB ||
    freeB.publicAddresses - freeA.publicAddresses ||
    (a.siteId < b.siteId ? -1 : 1)
  );
}

/** A site that never said has nothing to give. */
const freeAt = ({ free = { cpus: 0, memoryMiB: 0, publicAddresses: 0 } }: SiteRecord): Capacity => free;

/** Of the version's `storedBytes`, as its agent said last. */
export function cachedBytesAt({ cached = [] }: SiteRecord, { image }: Pick<SiteWish, 'image'>): number {
  return cached.find((one) => one.imageId === image.imageId && one.version === image.version)?.cachedBytes ?? 0;
}

const RIGHTS = ['FORBIDDEN', 'VETOED'];

function nowhere(
  tried: readonly { readonly site: SiteRecord; readonly refusal: Refusal | undefined }[],
  wish: SiteWish,
) {
  const refusals = tried.map(({ refusal }) => refusal).filter((refusal) => refusal !== undefined);
  const isForbidden = refusals.length > 0 && refusals.every(({ code }) => RIGHTS.includes(code));
  const { image } = wish;
  const { cpus, memoryMiB } = demandOf(wish);
  const wanted = `${image.imageName}@${image.version} (${cpus} CPUs for its computes, ${memoryMiB} MiB, an address)`;
  const reasons = refusals.map(({ message }) => message).join('; ');
  return {
    code: isForbidden ? ('FORBIDDEN' as const) : ('NO_CAPACITY' as const),
    message: `no site takes ${wanted} now: ${reasons || 'there is no site'}`,
  };
}
