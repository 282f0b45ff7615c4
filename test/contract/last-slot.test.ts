/** A quota is kept by the database, whoever comes at once: a real engine, a thousand connections, all let go when all have found room. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ulid } from 'ulid';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { auditEntry } from '../../functions/outbox/entries.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';
import { startStackTable } from '../helpers/stack-table.ts';

const AT_ONCE = 1000;
const LIMIT = { timeout: 120_000 };
const NOW = '2026-11-23T09:00:00.000Z';

for (const { what, quota } of [
  { what: 'the last cluster', quota: { maxClusters: 3, maxCpus: 100 } },
  { what: 'the last two CPUs', quota: { maxCpus: 6 } },
]) {
  test(
    `fault 62: of ${AT_ONCE} requests at once for ${what} exactly one is accepted; each other one is told QUOTA_EXCEEDED`,
    LIMIT,
    async () => {
      await using stack = await startStackTable({ requestHandler: { httpAgent: { maxSockets: AT_ONCE } } });
      const deployments = new DynamoDbDeploymentStore(stack.table);
      const memberId = ulid();
      const request = () => {
        const deployment = sampleDeployment({ memberId });
        const outbox = [auditEntry(NOW, { actor: 'member:alice', action: 'deployment.request', decision: 'allow' })];
        const key = { memberId, key: ulid(), requestSha256: 'x' };
        return deployments.create(deployment, sampleEvent(deployment), outbox, key, quota);
      };
      for (let i = 0; i < 2; i++) await request();

      const allFoundRoom = Promise.withResolvers<undefined>();
      let foundRoom = 0;
      stack.client.middlewareStack.add(
        (next, { commandName }) =>
          async (args) => {
            if (commandName === 'TransactWriteItemsCommand') {
              if (++foundRoom === AT_ONCE) allFoundRoom.resolve(undefined);
              await allFoundRoom.promise;
            }
            return next(args);
          },
        { step: 'initialize' },
      );
      const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, request));
      const codes = outcomes.map((one) =>
        one.status === 'fulfilled' ? 'accepted' : ((one.reason as { code?: string }).code ?? String(one.reason)),
      );
      const count = Object.fromEntries(
        [...Map.groupBy(codes, (code) => code)].map(([code, all]) => [code, all.length]),
      );
      assert.deepEqual(count, { accepted: 1, QUOTA_EXCEEDED: AT_ONCE - 1 });
      assert.deepEqual(await deployments.usage(memberId, 'naist'), { cpus: 6, clusters: 3 });
      assert.equal((await deployments.listByMember(memberId, undefined, AT_ONCE)).length, 3);
    },
  );
}
