/** The cloud flow on in-memory stores that are held to the real ones' contract (test/contract/stores.test.ts). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import type { SiteMessage } from '#shared/messages.ts';
import { ulid } from 'ulid';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { messageEntry } from '../../functions/outbox/entries.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { renewUrls } from '../../functions/renew-urls/renew-urls.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { findOwnDeployment } from '../../functions/read-deployments/read-deployments.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { ALICE, code, controlPlane, MALLORY, wish } from '../helpers/control-plane.ts';
import { sampleSite } from '../helpers/model-samples.ts';
import { nextReport } from '../helpers/next-report.ts';

describe('requesting a deployment', () => {
  it('commits the row, tells the site’s queue with a grant, and leaves a trail', async () => {
    const { ports, sent, trail, image } = await controlPlane();
    const deployment = await requestDeployment(ALICE, wish(), undefined, ports);
    assert.deepEqual(await ports.deployments.find(deployment.deploymentId), deployment);
    assert.equal(deployment.phase, 'ACCEPTED');
    assert.equal(sent.length, 1);
    assert.equal(sent[0]?.queueUrl, sampleSite().queueUrl);
    assert.equal(sent[0].message.deploymentId, deployment.deploymentId);
    assert.equal(sent[0].message.grant?.resource, `https://d1.example.org/images/${image.imageId}/*`);
    assert.deepEqual(
      trail.map(({ action, decision, deploymentId, sequence }) => ({ action, decision, deploymentId, sequence })),
      [{ action: 'deployment.request', decision: 'allow', deploymentId: deployment.deploymentId, sequence: 1 }],
    );
    assert.equal(ports.outbox.entries.size, 0);
  });

  it('leaves no signed query in the trail', async () => {
    const { ports, trail } = await controlPlane();
    await requestDeployment(ALICE, wish(), undefined, ports);
    assert.doesNotMatch(JSON.stringify(trail), /Signature|Policy/);
  });

  it('fault 54: asked again with the same key answers the same deployment, and sends nothing more', async () => {
    const { ports, sent } = await controlPlane();
    const key = ulid();
    const first = await requestDeployment(ALICE, wish(), key, ports);
    const again = await requestDeployment(ALICE, wish(), key, ports);
    assert.equal(again.deploymentId, first.deploymentId);
    assert.equal(sent.length, 1);
    await assert.rejects(requestDeployment(ALICE, wish({ computes: 3 }), key, ports), code('IDEMPOTENCY_MISMATCH'));
    // Another member's key is another key.
    const other = await requestDeployment(MALLORY, wish(), key, ports);
    assert.notEqual(other.deploymentId, first.deploymentId);
  });

  it('at any site goes to the best one, which row, event and record name; asked again it stays there', async () => {
    const { ports, image, sent, trail } = await controlPlane();
    const token = { sha256: ulid(), expiresAt: '2027-01-01T00:00:00.000Z' };
    await ports.sites.register(sampleSite({ siteId: 'sdsc' }), token, []);
    const free = { cpus: 2, memoryMiB: 8192, publicAddresses: 1 };
    const hear = (siteId: string, cachedBytes: number) => {
      const cached = [{ imageId: image.imageId, version: 1, cachedBytes }];
      return ports.sites.recordHeartbeat(siteId, ports.now().toISOString(), { free, agentVersion: '0.1.0', cached });
    };
    await hear('naist', 1);
    await hear('sdsc', 2);
    const key = ulid();
    const first = await requestDeployment(ALICE, wish({ siteId: 'any' }), key, ports);
    const [event] = await ports.deployments.eventsAfter(first.deploymentId, 0);
    assert.deepEqual([first.siteId, event?.siteId, trail.at(-1)?.siteId], ['sdsc', 'sdsc', 'sdsc']);
    assert.match(sent[0]?.queueUrl ?? '', /-sdsc$/);
    await hear('naist', 3);
    assert.deepEqual(await requestDeployment(ALICE, wish({ siteId: 'any' }), key, ports), first);
    assert.equal((await requestDeployment(ALICE, wish({ siteId: 'any' }), undefined, ports)).siteId, 'naist');
  });

  it('at any site is refused where none takes it, on record, before anything is minted', async () => {
    const { ports, trail, sent } = await controlPlane();
    const mint = () => Promise.reject(new Error('minted for nobody'));
    const attempt = requestDeployment(ALICE, wish({ siteId: 'any' }), undefined, { ...ports, urlSigner: { mint } });
    await assert.rejects(attempt, { ...code('NO_CAPACITY'), message: /naist was never heard; no grant of ucsd/ });
    assert.deepEqual(
      trail.map(({ actor, action, decision }) => [actor, action, decision]),
      [['member:alice', 'deployment.request', 'deny']],
    );
    assert.equal(sent.length, 0);
  });

  it('is refused for an image or a site that is not there, or an image without computes', async () => {
    const { ports, sent } = await controlPlane();
    for (const [changes, expected] of [
      [{ imageName: 'nothing' }, 'NOT_FOUND'],
      [{ imageVersion: 7 }, 'NOT_FOUND'],
      [{ siteId: 'nowhere' }, 'NOT_FOUND'],
      [{ imageName: 'no-computes' }, 'INVALID_REQUEST'],
    ] as const) {
      await assert.rejects(requestDeployment(ALICE, wish(changes), undefined, ports), code(expected));
    }
    assert.equal(
      (await requestDeployment(ALICE, wish({ imageName: 'no-computes', computes: 0 }), undefined, ports)).phase,
      'ACCEPTED',
    );
    assert.equal(sent.length, 1);
  });

  it('is denied at a site of others, on record, before anything is minted', async () => {
    const { ports, trail, sent } = await controlPlane();
    const mint = () => Promise.reject(new Error('minted for nobody'));
    const attempt = requestDeployment(ALICE, wish({ siteId: 'ucsd' }), undefined, { ...ports, urlSigner: { mint } });
    await assert.rejects(attempt, code('FORBIDDEN'));
    assert.deepEqual(
      trail.map(({ actor, decision, siteId }) => ({ actor, decision, siteId })),
      [{ actor: 'member:alice', decision: 'deny', siteId: 'ucsd' }],
    );
    assert.equal(sent.length, 0);
  });

  it('is not accepted when nobody can sign', async () => {
    const { ports } = await controlPlane();
    const mint = () => Promise.reject(new EdgebootError('SERVICE_UNAVAILABLE', 'no key'));
    const attempt = requestDeployment(ALICE, wish(), undefined, { ...ports, urlSigner: { mint } });
    await assert.rejects(attempt, code('SERVICE_UNAVAILABLE'));
    assert.deepEqual(await ports.deployments.listByMember('alice', undefined, 10), []);
  });
});

describe('the sweep', () => {
  it('fault 63, fault 66: delivers what the handler could not: message and trail, each once', async () => {
    const { ports, sent, trail, broken, pass } = await controlPlane();
    broken.queue = broken.trail = true;
    const deployment = await requestDeployment(ALICE, wish(), undefined, ports);
    assert.equal(deployment.phase, 'ACCEPTED');
    assert.equal(ports.outbox.entries.size, 2);
    const swept = { found: 0, delivered: 0, announced: 0, warned: 0, stopped: 0, destroyed: 0 };
    assert.deepEqual(await sweep(ports), swept, 'the handler still has its time');
    pass(11_000);
    assert.deepEqual(
      await sweep(ports),
      { found: 2, delivered: 0, announced: 0, warned: 0, stopped: 0, destroyed: 0 },
      'still broken',
    );
    broken.queue = broken.trail = false;
    assert.deepEqual(await sweep(ports), { found: 2, delivered: 2, announced: 0, warned: 0, stopped: 0, destroyed: 0 });
    assert.deepEqual(await sweep(ports), { found: 0, delivered: 0, announced: 0, warned: 0, stopped: 0, destroyed: 0 });
    assert.deepEqual([sent.length, trail.length], [1, 1]);
  });

  it('fault 63, fault 64: tells again what was told when nobody could note that, and a retry changes nothing', async () => {
    const { ports, sent, trail, pass } = await controlPlane();
    const key = ulid();
    const remove = ports.outbox.remove.bind(ports.outbox);
    // The function ends after sending: nothing of what comes later in it happens.
    ports.outbox.remove = () => Promise.reject(new Error('the function has timed out'));
    const first = await requestDeployment(ALICE, wish(), key, ports);
    assert.deepEqual([sent.length, trail.length, ports.outbox.entries.size], [1, 1, 2]);
    ports.outbox.remove = remove;
    assert.deepEqual(await requestDeployment(ALICE, wish(), key, ports), first);
    pass(11_000);
    assert.equal((await sweep(ports)).delivered, 2);
    assert.deepEqual(
      sent.map(({ message }) => [message.deploymentId, message.generation]),
      Array.from({ length: 2 }, () => [first.deploymentId, 1]),
    );
    assert.deepEqual(new Set(trail.map(({ auditId }) => auditId)).size, 1, 'told apart from another record by its id');
    assert.equal((await ports.deployments.listByMember('alice', undefined, 10)).length, 1);
    assert.equal(ports.outbox.entries.size, 0);
  });

  it('is not held up by entries that nobody takes', async () => {
    const { ports, sent, pass } = await controlPlane();
    const stuck = Array.from({ length: 25 }, () =>
      messageEntry('2026-11-23T08:00:00.000Z', 'http://gone', {
        schemaVersion: 1,
        deploymentId: ulid(),
        generation: 1,
      }),
    );
    await ports.outbox.add(stuck);
    pass(11_000);
    const good = messageEntry(ports.now().toISOString(), 'http://here', {
      schemaVersion: 1,
      deploymentId: ulid(),
      generation: 1,
    });
    await ports.outbox.add([good]);
    pass(11_000);
    const send = (queueUrl: string, message: SiteMessage) => {
      if (queueUrl === 'http://gone') return Promise.reject(new Error('no such queue'));
      return ports.queues.send(queueUrl, message);
    };
    const swept = await sweep({ ...ports, queues: { ...ports.queues, send } });
    assert.deepEqual([swept.found, swept.delivered, sent.length], [26, 1, 1]);
  });

  it('announces again a wish that nobody works on, at a site that lives, once a quarter of an hour', async () => {
    const { ports, sent, pass } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    const free = { cpus: 1, memoryMiB: 1, publicAddresses: 1 };
    pass(20 * 60_000);
    assert.equal((await sweep(ports)).announced, 0, 'the site is silent: its queue holds the message');
    await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), { free, agentVersion: '0.1.0', cached: [] });
    assert.equal((await sweep(ports)).announced, 1);
    assert.deepEqual(
      sent.map(({ message }) => [message.deploymentId, message.generation, message.grant !== undefined]),
      [
        [deploymentId, 1, true],
        [deploymentId, 1, false],
      ],
    );
    assert.equal((await sweep(ports)).announced, 0, 'its next turn is a quarter of an hour away');
  });
});

describe('destroying', () => {
  it('is a new generation of the wish, announced without a grant; asked again it is announced again', async () => {
    const { ports, sent } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    const gone = await destroyDeployment(ALICE, deploymentId, ports);
    assert.deepEqual(gone.desired, { power: 'destroyed', computes: 2, cpusPerCompute: 1, generation: 2 });
    assert.deepEqual((await destroyDeployment(ALICE, deploymentId, ports)).desired, gone.desired);
    assert.deepEqual(
      sent.map(({ message }) => [message.generation, message.grant !== undefined]),
      [
        [1, true],
        [2, false],
        [2, false],
      ],
    );
  });

  it('fault 53: of another member’s deployment looks as if there were none, and is on record', async () => {
    const { ports, trail } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await assert.rejects(destroyDeployment(MALLORY, deploymentId, ports), code('NOT_FOUND'));
    await assert.rejects(findOwnDeployment(MALLORY, ulid(), 'deployment.read', ports), code('NOT_FOUND'));
    assert.deepEqual(
      trail.filter(({ decision }) => decision === 'deny').map(({ actor, action }) => [actor, action]),
      [['member:mallory', 'deployment.destroy']],
    );
  });
});

describe('reports and renewals', () => {
  it('number the trail of a deployment without a gap', async () => {
    const { ports, trail } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    const report = (phase: 'FETCHING' | 'RUNNING' | 'DESTROYING' | 'TERMINATED', generation: number) =>
      recordReport('naist', deploymentId, nextReport({ generation, phase }), ports);
    await report('FETCHING', 1);
    await renewUrls('naist', deploymentId, ports);
    await report('RUNNING', 1);
    await destroyDeployment(ALICE, deploymentId, ports);
    await report('DESTROYING', 2);
    await report('TERMINATED', 2);
    assert.deepEqual(
      trail.map(({ sequence, action }) => [sequence, action]),
      [
        [1, 'deployment.request'],
        [2, 'urls.mint'],
        [3, 'deployment.report'],
        [4, 'deployment.destroy'],
        [5, 'deployment.report'],
      ],
    );
  });

  it('are for the deployment’s own site', async () => {
    const { ports } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    const report = nextReport({ generation: 1, phase: 'FETCHING' });
    await assert.rejects(recordReport('ucsd', deploymentId, report, ports), code('NOT_FOUND'));
    await assert.rejects(renewUrls('ucsd', deploymentId, ports), code('NOT_FOUND'));
  });

  it('a grant is not renewed for a cluster that is to be destroyed', async () => {
    const { ports } = await controlPlane();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    await destroyDeployment(ALICE, deploymentId, ports);
    await assert.rejects(renewUrls('naist', deploymentId, ports), code('FORBIDDEN'));
  });
});
