import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LogFields } from '#shared/log-fields.ts';
import { ulid } from 'ulid';
import { destroyDeployment } from '../../functions/destroy-deployment/destroy-deployment.ts';
import { extendDeployment } from '../../functions/extend-deployment/extend-deployment.ts';
import { messageEntry } from '../../functions/outbox/entries.ts';
import { recordReport } from '../../functions/record-report/record-report.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { recordWarmingReport } from '../../functions/record-report/record-warming-report.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { takeStock } from '../../functions/sweep/take-stock.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import { ALICE, controlPlane, wish } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent, sampleSite, sampleWarming } from '../helpers/model-samples.ts';
import { nextReport } from '../helpers/next-report.ts';

const PROGRESS = { bytesFetched: 1, bytesTotal: 9, partsFetched: 0, partsTotal: 1 };
const FREE = { cpus: 1, memoryMiB: 1024, publicAddresses: 1 };

it('taking stock counts enrolled sites that are silent, and measures what waits', async () => {
  const { ports, pass } = await controlPlane();
  const stock = async () => {
    const lines: (LogFields | undefined)[] = [];
    const info = (_message: string, fields?: LogFields) => void lines.push(fields);
    await takeStock({ ...ports, log: { ...ports.log, info } });
    return lines.map((fields) => [fields?.silentSites, fields?.oldestEntrySeconds, fields?.oldestJobSeconds]);
  };
  assert.deepEqual(await stock(), [[0, 0, 0]], 'no site has an agent yet, and nobody wishes anything');

  const now = () => ports.now().toISOString();
  const token = { sha256: ulid(), expiresAt: '2027-01-01T00:00:00.000Z' };
  await ports.sites.register(sampleSite({ siteId: 'sdsc' }), token, []);
  await ports.sites.enroll({ siteId: 'sdsc', publicKeyPem: 'pem' }, token.sha256, now(), []);
  assert.deepEqual(await stock(), [[1, 0, 0]], 'enrolled, and never heard');
  await ports.sites.recordHeartbeat('sdsc', now(), { free: FREE, agentVersion: '1.0.0', cached: [] });
  const deployment = sampleDeployment({ progressedAt: now() });
  await ports.deployments.create(deployment, sampleEvent(deployment), [], undefined);
  pass(100_000);
  await ports.warmings.create(sampleWarming({ progressedAt: now() }), [], undefined);
  const announcement = { schemaVersion: 1, deploymentId: deployment.deploymentId, generation: 1 } as const;
  await ports.outbox.add([messageEntry(now(), 'http://gone', announcement)]);
  pass(150_000);
  assert.deepEqual(await stock(), [[0, 150, 250]]);
  pass(100_000);
  assert.deepEqual(await stock(), [[1, 250, 350]], 'not heard for five minutes');
});

/** A site that is heard, and a sweep each five minutes: what it announced, and the age of the oldest job in seconds. */
async function heardSite() {
  const plane = await controlPlane();
  const { ports, pass } = plane;
  const sweepOn = async (minutes: number) => {
    let announced = 0;
    let oldestJobSeconds: unknown;
    const info = (message: string, fields?: LogFields) => {
      if (message === 'stock') oldestJobSeconds = fields?.oldestJobSeconds;
    };
    for (let passed = 0; passed < minutes; passed += 5) {
      pass(5 * 60_000);
      const said = { free: FREE, agentVersion: '1.0.0', cached: [] };
      await ports.sites.recordHeartbeat('naist', ports.now().toISOString(), said);
      announced += (await sweep({ ...ports, log: { ...ports.log, info } })).announced;
    }
    return [announced, oldestJobSeconds];
  };
  return { ...plane, sweepOn };
}

it('a job that nobody finishes at a site that is heard grows old, however often it is announced, asked for, or put off', async () => {
  const { ports, sent, sweepOn } = await heardSite();
  const { deploymentId } = await requestDeployment(ALICE, wish({ hours: 1 }), undefined, ports);
  assert.deepEqual(await sweepOn(40), [2, 40 * 60]);
  await extendDeployment(ALICE, deploymentId, 48, ports);
  assert.deepEqual(await sweepOn(25), [1, 65 * 60]);
  assert.equal(sent.length, 4);
  await destroyDeployment(ALICE, deploymentId, ports);
  assert.deepEqual(await sweepOn(10), [0, 10 * 60], 'a new wish is a new job');
  await destroyDeployment(ALICE, deploymentId, ports);
  assert.deepEqual(await sweepOn(10), [0, 20 * 60], 'the same one is not; it was announced a moment ago');
});

it('a job grows no older while its bytes come, and does when they do not', async () => {
  const { ports, sweepOn } = await heardSite();
  const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
  const report = (bytesFetched?: number) => {
    const progress = bytesFetched === undefined ? undefined : { ...PROGRESS, bytesFetched };
    const said = nextReport({ generation: 1, phase: 'FETCHING', ...(progress && { progress }) });
    return recordReport('naist', deploymentId, said, ports);
  };
  await report();
  for (const bytesFetched of [1, 2, 3, 4]) {
    await report(bytesFetched);
    assert.deepEqual(await sweepOn(10), [0, 10 * 60]);
  }
  await report(4);
  assert.deepEqual(await sweepOn(10), [0, 20 * 60], 'an agent works on it, and gets nothing');
});

it('a warming grows old alike', async () => {
  const { ports, sweepOn } = await heardSite();
  const asked = { imageName: 'hpc-base', siteId: 'naist', keep: false };
  const { warmingId } = await warmImage(ALICE, asked, undefined, ports);
  assert.deepEqual(await sweepOn(40), [2, 40 * 60]);
  await recordWarmingReport('naist', warmingId, { phase: 'FETCHING', progress: PROGRESS }, ports);
  assert.deepEqual(await sweepOn(10), [0, 10 * 60]);
});
