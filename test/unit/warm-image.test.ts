/** A warming in the control plane: who may ask, who may see it, what its agent may say, and what is on record. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import type { WarmingReport } from '#shared/warming.ts';
import { ulid } from 'ulid';
import { recordWarmingReport } from '../../functions/record-report/record-warming-report.ts';
import { readWarmingJob, renewWarmingUrls } from '../../functions/serve-warming/serve-warming.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { readWarming, showWarming } from '../../functions/warm-image/read-warming.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import { ALICE, code, controlPlane, MALLORY } from '../helpers/control-plane.ts';
import { sampleSite, sampleWarming } from '../helpers/model-samples.ts';

const wish = (changes = {}) => ({ imageName: 'hpc-base', siteId: 'naist', keep: false, ...changes });
const DONE: WarmingReport = {
  phase: 'DONE',
  outcome: { bytesFetched: 9, partsFetched: 3, edgeLocations: ['NRT57-C1'], cacheHits: 1, cacheMisses: 2, seconds: 1 },
};
const FAILED: WarmingReport = { phase: 'FAILED', failure: { code: 'NOT_FOUND', message: 'gone', remedy: 'none' } };
const fetching = (bytesFetched: number): WarmingReport => ({
  phase: 'FETCHING',
  progress: { bytesFetched, bytesTotal: 9, partsFetched: 1, partsTotal: 3 },
});

/** A warming that ALICE has asked for. */
async function accepted() {
  const plane = await controlPlane();
  const { warmingId } = await warmImage(ALICE, wish(), undefined, plane.ports);
  const report = (one: WarmingReport) => recordWarmingReport('naist', warmingId, one, plane.ports);
  return { ...plane, warmingId, report };
}

describe('asking for a warming', () => {
  it('commits the row, tells the site’s queue with a grant, and leaves a trail without it', async () => {
    const { ports, sent, trail, image } = await controlPlane();
    const warming = await warmImage(ALICE, wish({ keep: true }), undefined, ports);
    assert.deepEqual(await ports.warmings.find(warming.warmingId), warming);
    assert.deepEqual([warming.phase, warming.imageVersion, warming.keep], ['ACCEPTED', 1, true]);
    assert.equal(sent.length, 1);
    assert.equal(sent[0]?.queueUrl, sampleSite().queueUrl);
    assert.equal(sent[0].message.warmingId, warming.warmingId);
    assert.equal(sent[0].message.grant?.resource, `https://d1.example.org/images/${image.imageId}/*`);
    assert.deepEqual(
      trail.map(({ action, decision, warmingId, sequence }) => ({ action, decision, warmingId, sequence })),
      [{ action: 'warming.request', decision: 'allow', warmingId: warming.warmingId, sequence: 1 }],
    );
    assert.doesNotMatch(JSON.stringify(trail), /Signature|Policy/);
    assert.equal(ports.outbox.entries.size, 0);
  });

  it('again with the same key answers the same warming, and sends nothing more', async () => {
    const { ports, sent } = await controlPlane();
    const key = ulid();
    const first = await warmImage(ALICE, wish(), key, ports);
    assert.equal((await warmImage(ALICE, wish(), key, ports)).warmingId, first.warmingId);
    assert.equal(sent.length, 1);
    await assert.rejects(warmImage(ALICE, wish({ keep: true }), key, ports), code('IDEMPOTENCY_MISMATCH'));
    assert.notEqual((await warmImage(ALICE, wish(), ulid(), ports)).warmingId, first.warmingId);
  });

  it('again with the same key answers what was accepted, whatever its site has said since', async () => {
    const { ports } = await controlPlane();
    const first = await warmImage(ALICE, wish(), 'a key of sixteen', ports);
    const record = await ports.sites.find('naist');
    assert.ok(record);
    const vetoed = { ...record.access, vetoes: { members: ['alice'], images: [] } };
    const sites = { find: () => Promise.resolve({ ...record, access: vetoed }) };
    const later = { ...ports, sites: Object.assign(Object.create(ports.sites) as typeof ports.sites, sites) };
    await assert.rejects(warmImage(ALICE, wish(), undefined, later), code('VETOED'));
    assert.equal((await warmImage(ALICE, wish(), 'a key of sixteen', later)).warmingId, first.warmingId);
  });

  it('is refused for an image or a site that is not there', async () => {
    const { ports, sent } = await controlPlane();
    for (const changes of [{ imageName: 'nothing' }, { imageVersion: 7 }, { siteId: 'nowhere' }]) {
      await assert.rejects(warmImage(ALICE, wish(changes), undefined, ports), code('NOT_FOUND'));
    }
    assert.equal(sent.length, 0);
  });

  it('is denied at a site of others, on record, before anything is minted', async () => {
    const { ports, trail, sent } = await controlPlane();
    const mint = () => Promise.reject(new Error('minted for nobody'));
    const attempt = warmImage(ALICE, wish({ siteId: 'ucsd' }), undefined, { ...ports, urlSigner: { mint } });
    await assert.rejects(attempt, code('FORBIDDEN'));
    assert.deepEqual(
      trail.map(({ actor, action, decision, siteId }) => [actor, action, decision, siteId]),
      [['member:alice', 'warming.request', 'deny', 'ucsd']],
    );
    assert.equal(sent.length, 0);
  });

  it('is delivered by the sweep when the queue was down', async () => {
    const { ports, sent, broken, pass } = await controlPlane();
    broken.queue = true;
    const { warmingId } = await warmImage(ALICE, wish(), undefined, ports);
    broken.queue = false;
    pass(11_000);
    assert.equal((await sweep(ports)).delivered, 1);
    assert.deepEqual(
      sent.map(({ message }) => message.warmingId),
      [warmingId],
    );
  });

  it('is announced again by the sweep, without a grant, while it is not over and nothing is heard of it', async () => {
    const { ports, sent, pass, warmingId, report } = await accepted();
    const free = { cpus: 1, memoryMiB: 1, publicAddresses: 1 };
    const sweepLater = async (minutes: number) => {
      pass(minutes * 60_000);
      await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), {
        free,
        agentVersion: '0.1.0',
        cached: [],
      });
      return (await sweep(ports)).announced;
    };
    pass(20 * 60_000);
    assert.equal((await sweep(ports)).announced, 0, 'the site is silent: its queue holds the message');
    assert.equal(await sweepLater(0), 1);
    assert.deepEqual(
      sent.map(({ message, queueUrl }) => [message.warmingId, message.grant !== undefined, queueUrl]),
      [
        [warmingId, true, sampleSite().queueUrl],
        [warmingId, false, sampleSite().queueUrl],
      ],
    );
    assert.equal(await sweepLater(14), 0, 'its next turn is a quarter of an hour away');
    await report(fetching(3));
    assert.equal(await sweepLater(14), 0, 'somebody works on it');
    assert.equal(await sweepLater(2), 1, 'nothing more was heard');
    await report(DONE);
    assert.equal(await sweepLater(20), 0, 'it is over');
  });
});

describe('a warming', () => {
  it('is its member’s to see; to others it looks as if there were none, and that is on record', async () => {
    const { ports, trail, warmingId } = await accepted();
    assert.equal((await readWarming(ALICE, warmingId, ports)).warming.warmingId, warmingId);
    await assert.rejects(readWarming(MALLORY, warmingId, ports), code('NOT_FOUND'));
    await assert.rejects(readWarming(ALICE, ulid(), ports), code('NOT_FOUND'));
    assert.deepEqual(
      trail.filter(({ decision }) => decision === 'deny').map(({ actor, action }) => [actor, action]),
      [['member:mallory', 'warming.read']],
    );
  });

  it('shows whether its site has been heard lately', async () => {
    const { ports, warmingId, pass } = await accepted();
    const isSilent = async () => (await readWarming(ALICE, warmingId, ports)).siteIsSilent;
    assert.equal(await isSilent(), true, 'it was never heard');
    const free = { cpus: 1, memoryMiB: 1, publicAddresses: 1 };
    await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), { free, agentVersion: '0.1.0', cached: [] });
    assert.equal(await isSilent(), false);
    pass(6 * 60_000);
    assert.equal(await isSilent(), true);
    const elsewhere = { ...(await readWarming(ALICE, warmingId, ports)).warming, siteId: 'vanished' };
    assert.equal((await showWarming(elsewhere, ports)).siteIsSilent, true);
  });

  it('goes on by reports, to one end that stands', async () => {
    const { ports, report, warmingId } = await accepted();
    assert.equal((await report({ phase: 'FETCHING' })).phase, 'FETCHING');
    const { version } = await report(fetching(3));
    assert.equal((await report({ phase: 'FETCHING' })).version, version, 'the next delivery begins: no news');
    assert.equal((await report(fetching(6))).progress?.bytesFetched, 6);
    const done = await report(DONE);
    assert.deepEqual([done.phase, done.outcome?.cacheMisses], ['DONE', 2]);
    for (const late of [fetching(7), DONE, FAILED]) assert.deepEqual(await report(late), done);
    assert.deepEqual(await ports.warmings.find(warmingId), done);
  });

  it('has its trail numbered without a gap', async () => {
    const { ports, trail, report, warmingId } = await accepted();
    await report(fetching(1));
    await renewWarmingUrls('naist', warmingId, ports);
    await report(FAILED);
    assert.deepEqual(
      trail.map(({ sequence, actor, action, reason }) => [sequence, actor, action, reason?.replace(/ until .*/, '')]),
      [
        [1, 'member:alice', 'warming.request', 'hpc-base@1; URLs'],
        [2, 'agent:naist', 'urls.mint', 'URLs'],
        [3, 'agent:naist', 'warming.report', 'FAILED NOT_FOUND'],
      ],
    );
  });

  it('that is over gets no grant any more, on record', async () => {
    const { ports, trail, report, warmingId } = await accepted();
    assert.match((await renewWarmingUrls('naist', warmingId, ports)).resource, /images/);
    await report(DONE);
    const mint = () => Promise.reject(new Error('minted for nobody'));
    const attempt = renewWarmingUrls('naist', warmingId, { ...ports, urlSigner: { mint } });
    await assert.rejects(attempt, code('FORBIDDEN'));
    assert.deepEqual([trail.at(-1)?.action, trail.at(-1)?.decision], ['urls.mint', 'deny']);
  });

  it('that ends while a grant is minted does not get it', async () => {
    const { ports, report, warmingId } = await accepted();
    const mint = async (request: { imageId: string; egressAddress: string | undefined }) => {
      await report(DONE);
      return ports.urlSigner.mint(request);
    };
    await assert.rejects(renewWarmingUrls('naist', warmingId, { ...ports, urlSigner: { mint } }), code('FORBIDDEN'));
  });

  it('is for its own site’s agent, with the publisher’s present certificate', async () => {
    const { ports, trail, warmingId } = await accepted();
    await ports.publishers.saveCertificate('alice', 'renewed', []);
    assert.equal((await readWarmingJob('naist', warmingId, ports)).image?.publisherCertificate, 'renewed');
    await assert.rejects(readWarmingJob('ucsd', warmingId, ports), code('NOT_FOUND'));
    await assert.rejects(renewWarmingUrls('ucsd', warmingId, ports), code('NOT_FOUND'));
    await assert.rejects(recordWarmingReport('ucsd', warmingId, DONE, ports), code('NOT_FOUND'));
    assert.deepEqual(
      trail.filter(({ decision }) => decision === 'deny').map(({ actor, action }) => [actor, action]),
      [
        ['agent:ucsd', 'job.read'],
        ['agent:ucsd', 'urls.mint'],
        ['agent:ucsd', 'warming.report'],
      ],
    );
  });

  it('of an image that is gone has none for its agent', async () => {
    const { ports } = await controlPlane();
    const { warmingId } = await ports.warmings.create(sampleWarming(), [], undefined);
    const job = await readWarmingJob('naist', warmingId, ports);
    assert.deepEqual([job.warming.warmingId, job.image], [warmingId, undefined]);
  });

  it('is not accepted when nobody can sign', async () => {
    const { ports, sent } = await controlPlane();
    const mint = () => Promise.reject(new EdgebootError('SERVICE_UNAVAILABLE', 'no key'));
    const attempt = warmImage(ALICE, wish(), undefined, { ...ports, urlSigner: { mint } });
    await assert.rejects(attempt, code('SERVICE_UNAVAILABLE'));
    assert.equal(sent.length + ports.outbox.entries.size, 0);
  });
});
