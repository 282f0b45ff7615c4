/** Which site `any` means. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accessForGroups, type Quota } from '#shared/site-access.ts';
import { ulid } from 'ulid';
import { type Candidate, chooseSite, type SiteWish } from '../../functions/choose-site.ts';
import type { SiteRecord } from '../../functions/ports.ts';
import { ALICE } from '../helpers/control-plane.ts';
import { sampleSite } from '../helpers/model-samples.ts';

const AT = new Date('2026-11-23T09:00:00.000Z');
const IMAGE = { imageId: ulid(), imageName: 'hpc-base', version: 3 };
const WISH: SiteWish = {
  ...{ member: ALICE, image: IMAGE, hours: undefined, at: AT },
  desired: { power: 'on', computes: 4, cpusPerCompute: 1, generation: 1 },
  memoryMiB: { frontend: 2048, compute: 1024 },
};
/** Exactly enough. */
const ENOUGH = { cpus: 4, memoryMiB: 6144, publicAddresses: 1 };

function candidate(siteId: string, changes: Partial<SiteRecord> = {}, taken = { cpus: 0, clusters: 0 }): Candidate {
  const said = { lastSeen: AT.toISOString(), free: ENOUGH, cached: [] };
  return { site: sampleSite({ siteId, ...said, ...changes }), taken };
}
const caching = (cachedBytes: number, version = IMAGE.version) => ({
  cached: [{ imageId: IMAGE.imageId, version, cachedBytes }],
});
const granting = (quota: Quota) => ({
  access: { ...accessForGroups([]), grants: [{ member: 'alice', images: 'all' as const, quota }] },
});

function chosen(candidates: readonly Candidate[], wish: Partial<SiteWish> = {}): string {
  const site = chooseSite(candidates, { ...WISH, ...wish });
  return 'siteId' in site ? site.siteId : `${site.code}: ${site.message}`;
}

describe('of sites that take a cluster', () => {
  it('the one with most of this very version in its cache is chosen', () => {
    const roomy = { free: { cpus: 99, memoryMiB: 99_999, publicAddresses: 9 } };
    assert.equal(chosen([candidate('a', roomy), candidate('b', caching(10)), candidate('c', caching(11))]), 'c');
    assert.equal(
      chosen([candidate('a', caching(99, 2)), candidate('b', caching(1))]),
      'b',
      'another version is no help',
    );
  });

  it('the one with more free is, where caches do not tell them apart: CPUs, then memory, then addresses', () => {
    for (const more of ['cpus', 'memoryMiB', 'publicAddresses'] as const) {
      const free = { ...ENOUGH, [more]: ENOUGH[more] + 1 };
      assert.equal(chosen([candidate('a', caching(5)), candidate('b', { ...caching(5), free })]), 'b', more);
    }
    const [cpus, memory] = [
      { ...ENOUGH, cpus: 5 },
      { ...ENOUGH, memoryMiB: 99_999, publicAddresses: 9 },
    ];
    assert.equal(chosen([candidate('a', { free: memory }), candidate('b', { free: cpus })]), 'b');
  });

  it('and the first by its id, where nothing does, in whichever order they come', () => {
    assert.equal(chosen([candidate('b'), candidate('a'), candidate('c')]), 'a');
  });

  it('none is that does not take it, however much it has cached', () => {
    const all = caching(1_000_000);
    const others: readonly Candidate[] = [
      candidate('few-cpus', { ...all, free: { ...ENOUGH, cpus: 3 } }),
      candidate('little-memory', { ...all, free: { ...ENOUGH, memoryMiB: 6143 } }),
      candidate('no-address', { ...all, free: { ...ENOUGH, publicAddresses: 0 } }),
      candidate('silent', { ...all, lastSeen: '2026-11-23T08:58:59.999Z' }),
      candidate('draining', { ...all, drainingSince: '2026-11-23T08:00:00.000Z' }),
      candidate('elsewhere', { ...all, access: accessForGroups(['others']) }),
      candidate('vetoed', {
        ...all,
        access: { ...accessForGroups(['members']), vetoes: { members: [], images: ['hpc-base'] } },
      }),
      candidate('used-up', { ...all, ...granting({ maxClusters: 1 }) }, { cpus: 0, clusters: 1 }),
      candidate('narrow', { ...all, ...granting({ maxCpus: 5 }) }, { cpus: 2, clusters: 1 }),
      candidate('short', { ...all, ...granting({ maxHours: 1 }) }),
    ];
    assert.equal(chosen([...others, candidate('z')], { hours: 2 }), 'z');
    for (const one of others) assert.match(chosen([one], { hours: 2 }), /^(?:NO_CAPACITY|FORBIDDEN): no site takes /);
  });
});

describe('where no site takes it', () => {
  const never = sampleSite({ siteId: 'never' });
  it('of each is said why', () => {
    assert.equal(
      chosen([
        candidate('small', { free: { cpus: 1, memoryMiB: 512, publicAddresses: 2 } }),
        { site: never, taken: { cpus: 0, clusters: 0 } },
        candidate('elsewhere', { access: accessForGroups(['others']) }),
      ]),
      'NO_CAPACITY: no site takes hpc-base@3 (4 CPUs for its computes, 6144 MiB, an address) now: ' +
        'small has 1 CPUs, 512 MiB and 2 addresses free; never was never heard; no grant of elsewhere is for alice',
    );
  });

  it('it is FORBIDDEN where the member has no right at any, and NO_CAPACITY where there is none', () => {
    assert.match(chosen([candidate('elsewhere', { access: accessForGroups(['others']) })]), /^FORBIDDEN: /);
    assert.match(chosen([]), /^NO_CAPACITY: .*there is no site$/);
  });
});
