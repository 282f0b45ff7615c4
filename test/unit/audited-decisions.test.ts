/** Every privileged decision, allowed or denied, is in the audit trail. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Phase } from '#shared/deployment.ts';
import { EdgebootError } from '#shared/errors.ts';
import { newKeyPair } from '#shared/keys.ts';
import { ulid } from 'ulid';
import { enrollAgent } from '../../functions/enroll-agent/enroll-agent.ts';
import { requireAgentOf } from '../../functions/http/require-agent.ts';
import { registerSite } from '../../functions/manage-sites/manage-sites.ts';
import { beginImage, completeVersion, presignUploads } from '../../functions/publish-image/publish-image.ts';
import { readJob } from '../../functions/read-job/read-job.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { renewUrls } from '../../functions/renew-urls/renew-urls.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { ALICE, code, controlPlane, wish } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent, sampleImage } from '../helpers/model-samples.ts';
import { nextReport } from '../helpers/next-report.ts';

const PUBLISHER = { memberId: 'alice', groups: ['publishers'] };
const OPERATOR = { memberId: 'olga', groups: ['federation-operators'] };
const { publicKeyPem: rootPublicKeyPem } = newKeyPair();

async function audited() {
  const plane = await controlPlane();
  const records = () => plane.trail.splice(0).map(({ actor, action, decision }) => `${decision} ${action} by ${actor}`);
  return { ...plane, records };
}

describe('an agent', () => {
  it('of another site, or a member in its place, is refused on record', async () => {
    const { ports, records } = await audited();
    const agent = (siteId: string) => ({ kind: 'agent', siteId, bodySha256: '0'.repeat(64) }) as const;
    await requireAgentOf('naist', agent('naist'), 'agent.session', ports);
    assert.deepEqual(records(), []);
    await assert.rejects(requireAgentOf('naist', agent('ucsd'), 'agent.session', ports), code('FORBIDDEN'));
    const member = { kind: 'member', memberId: 'alice', groups: '' } as const;
    await assert.rejects(requireAgentOf('naist', member, 'job.read', ports), code('FORBIDDEN'));
    assert.deepEqual(records(), ['deny agent.session by agent:ucsd', 'deny job.read by member:alice']);
  });

  it('fault 27: that asks for a deployment of another site is told that there is none, on record', async () => {
    const { ports, records } = await audited();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    records();
    const report = nextReport({ generation: 1, phase: 'FETCHING' });
    await assert.rejects(readJob('ucsd', deploymentId, ports), code('NOT_FOUND'));
    await assert.rejects(recordReport('ucsd', deploymentId, report, ports), code('NOT_FOUND'));
    await assert.rejects(renewUrls('ucsd', deploymentId, ports), code('NOT_FOUND'));
    assert.deepEqual(
      records(),
      ['job.read', 'deployment.report', 'urls.mint'].map((action) => `deny ${action} by agent:ucsd`),
    );
    await assert.rejects(readJob('ucsd', ulid(), ports), code('NOT_FOUND'));
    assert.deepEqual(records(), []);
  });

  it('gets no URLs for a deployment that is past its work, on record', async () => {
    const { ports, records, image } = await audited();
    const make = async (phase: Phase): Promise<string> => {
      const deployment = sampleDeployment({ phase, imageId: image.imageId, imageVersion: 1 });
      await ports.deployments.create(deployment, sampleEvent(deployment), [], undefined, {}, ALICE);
      return deployment.deploymentId;
    };
    for (const phase of ['ACCEPTED', 'FETCHING', 'PERSONALIZING', 'BOOTING'] as const) {
      await renewUrls('naist', await make(phase), ports);
      assert.deepEqual(records(), ['allow urls.mint by agent:naist']);
    }
    for (const phase of ['RUNNING', 'DESTROYING', 'TERMINATED', 'FAILED'] as const) {
      await assert.rejects(renewUrls('naist', await make(phase), ports), code('FORBIDDEN'));
      assert.deepEqual(records(), ['deny urls.mint by agent:naist']);
    }
  });

  it('enrolls with the latest token of its site; an earlier one is refused on record', async () => {
    const { ports, records } = await audited();
    const create = () => Promise.resolve({ queueUrl: 'http://127.0.0.1:1/q', queueArn: 'arn:aws:sqs:r:1:q' });
    const enrolling = { ...ports, queues: { ...ports.queues, create }, rootPublicKeyPem, audience: 'a' };
    const site = { siteId: 'naist', displayName: 'Nara', deployerGroups: ['members'], operatorGroups: [] };
    const earlier = await registerSite(OPERATOR, site, undefined, enrolling);
    const latest = await registerSite(OPERATOR, site, undefined, enrolling);
    records();
    const { publicKeyPem } = newKeyPair();
    await assert.rejects(enrollAgent(earlier.enrollmentToken, publicKeyPem, enrolling), code('FORBIDDEN'));
    assert.equal(await enrollAgent(latest.enrollmentToken, publicKeyPem, enrolling), 'naist');
    assert.deepEqual(records(), ['deny agent.enroll by agent:naist', 'allow agent.enroll by agent:naist']);
    assert.equal(await enrollAgent(latest.enrollmentToken, publicKeyPem, enrolling), 'naist');
    assert.deepEqual(records(), []);
  });

  it('is registered once by an idempotency key, with one token, which nobody else gets', async () => {
    const { ports, records } = await audited();
    const create = () => Promise.resolve({ queueUrl: 'http://127.0.0.1:1/q', queueArn: 'arn:aws:sqs:r:1:q' });
    const enrolling = { ...ports, queues: { ...ports.queues, create }, rootPublicKeyPem, audience: 'a' };
    const site = { siteId: 'naist', displayName: 'Nara', deployerGroups: ['members'], operatorGroups: [] };
    records();
    const register = (key?: string, member = OPERATOR, changes = {}) =>
      registerSite(member, { ...site, ...changes }, key, enrolling);
    const [first, second] = await Promise.all([register('a-key-of-olga'), register('a-key-of-olga')]);
    assert.deepEqual(second, first);
    assert.deepEqual(await register('a-key-of-olga'), first);
    assert.deepEqual(records(), ['allow site.register by member:olga']);
    await assert.rejects(register('a-key-of-olga', OPERATOR, { displayName: 'x' }), code('IDEMPOTENCY_MISMATCH'));
    await assert.rejects(register('a-key-of-olga', { ...OPERATOR, groups: [] }), code('FORBIDDEN'));
    const ofAnother = await register('a-key-of-olga', { ...OPERATOR, memberId: 'otto' });
    assert.notEqual(ofAnother.enrollmentToken, first.enrollmentToken);
  });

  it('enrolls nowhere with a token of a site that there is not: the same answer as any refusal, and nothing on record', async () => {
    const { ports, records } = await audited();
    const create = () => Promise.resolve({ queueUrl: 'http://127.0.0.1:1/q', queueArn: 'arn:aws:sqs:r:1:q' });
    const enrolling = { ...ports, queues: { ...ports.queues, create }, rootPublicKeyPem, audience: 'a' };
    const site = { siteId: 'naist', displayName: 'Nara', deployerGroups: ['members'], operatorGroups: [] };
    const { enrollmentToken } = await registerSite(OPERATOR, site, undefined, enrolling);
    records();
    const { publicKeyPem } = newKeyPair();
    const refusal = async (siteId: string): Promise<unknown> => {
      const token = enrollmentToken.replace(/^enroll\.naist\.[^.]+/, `enroll.${siteId}.${'A'.repeat(43)}`);
      const error = await enrollAgent(token, publicKeyPem, enrolling).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof EdgebootError);
      return [error.code, error.message, error.remedy];
    };
    const ofNone = await refusal('nowhere');
    assert.deepEqual(records(), []);
    assert.deepEqual(ofNone, await refusal('naist'));
    assert.deepEqual(records(), ['deny agent.enroll by agent:naist']);
  });

  it('gets the publisher’s present certificate with its job', async () => {
    const { ports } = await audited();
    const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
    const certificate = async () => (await readJob('naist', deploymentId, ports)).image.publisherCertificate;
    assert.equal(await certificate(), '{}');
    await ports.publishers.saveCertificate('alice', 'renewed', []);
    assert.equal(await certificate(), 'renewed');
  });
});

it('fault 66: a refusal that cannot be recorded is not answered as one', async () => {
  const { ports, trail } = await controlPlane();
  const outbox = Object.assign(Object.create(ports.outbox) as typeof ports.outbox, {
    add: () => Promise.reject(new EdgebootError('SERVICE_UNAVAILABLE', 'the store is busy')),
  });
  const attempt = requestDeployment(ALICE, wish({ siteId: 'ucsd' }), undefined, { ...ports, outbox });
  await assert.rejects(attempt, code('SERVICE_UNAVAILABLE'));
  assert.deepEqual(trail, []);
});

describe('a publisher', () => {
  const unused = () => Promise.reject(new Error('not asked for here'));
  const bucket = {
    sizeOf: (_imageId: string, _kind: string, sha256: string) => Promise.resolve(sha256 === 'there' ? 5 : undefined),
    list: unused,
    read: unused,
    presignUpload: () => Promise.resolve({ url: 'https://bucket.example.org/?X-Amz-Signature=secret', headers: {} }),
  };

  it('leaves one record for a new name, and one for each request that is handed uploads', async () => {
    const { ports, records, trail } = await audited();
    const publishing = { ...ports, bucket, rootPublicKeyPem };
    const { imageId } = await beginImage(PUBLISHER, 'new-name', publishing);
    await beginImage(PUBLISHER, 'new-name', publishing);
    assert.deepEqual(records(), ['allow image.create by member:alice']);
    const object = (sha256: string) => ({ objectKind: 'parts', sha256, sizeBytes: 5 }) as const;
    const upload = (...objects: string[]) =>
      presignUploads(PUBLISHER, imageId, { objects: objects.map(object) }, publishing);
    await upload('missing', 'missing-too', 'there');
    assert.equal(trail[0]?.reason, '2 of 3 objects');
    assert.doesNotMatch(JSON.stringify(trail), /Signature/);
    assert.deepEqual(records(), ['allow image.upload by member:alice']);
    await upload('there');
    assert.deepEqual(records(), []);
  });

  it('that comes second to a name is refused, on record', async () => {
    const { ports, records } = await audited();
    const taken = await ports.images.findOrCreate(sampleImage({ imageName: 'taken', ownerId: 'bob' }), []);
    const images = Object.assign(Object.create(ports.images) as typeof ports.images, {
      findByName: () => Promise.resolve(undefined),
      findOrCreate: () => ports.images.findById(taken.imageId),
    });
    const attempt = beginImage(PUBLISHER, 'taken', { ...ports, images, bucket, rootPublicKeyPem });
    await assert.rejects(attempt, code('FORBIDDEN'));
    assert.deepEqual(records(), ['deny image.create by member:alice']);
  });

  it('without a certificate is refused on record, and told what to do', async () => {
    const { ports, records, image } = await audited();
    const attempt = completeVersion(PUBLISHER, image.imageId, 'a'.repeat(64), { ...ports, bucket, rootPublicKeyPem });
    await assert.rejects(attempt, { ...code('FORBIDDEN'), remedy: /edgeboot publisher key/ });
    assert.deepEqual(records(), ['deny image.publish by member:alice']);
  });
});
