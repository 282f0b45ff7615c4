import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LogFields } from '#shared/log-fields.ts';
import { ulid } from 'ulid';
import { messageEntry } from '../../functions/outbox/entries.ts';
import { takeStock } from '../../functions/sweep/take-stock.ts';
import { controlPlane } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent, sampleSite, sampleWarming } from '../helpers/model-samples.ts';

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
  const deployment = sampleDeployment({ updatedAt: now() });
  await ports.deployments.create(deployment, sampleEvent(deployment), [], undefined);
  pass(100_000);
  await ports.warmings.create(sampleWarming({ updatedAt: now() }), [], undefined);
  const wish = { schemaVersion: 1, deploymentId: deployment.deploymentId, generation: 1 } as const;
  await ports.outbox.add([messageEntry(now(), 'http://gone', wish)]);
  pass(150_000);
  assert.deepEqual(await stock(), [[0, 150, 250]]);
  pass(100_000);
  assert.deepEqual(await stock(), [[1, 250, 350]], 'not heard for five minutes');
});
