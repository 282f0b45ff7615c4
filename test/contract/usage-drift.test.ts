/** What members have at a site stays what their rows say, whatever is asked at once and however often: on a real engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Deployment, isTerminal } from '#shared/deployment.ts';
import { ulid } from 'ulid';
import { DynamoDbDeploymentStore } from '../../functions/adapters/dynamodb-deployment-store.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';
import { startStackTable } from '../helpers/stack-table.ts';

const WISHES = 60;
const TIMES = 3;
const QUOTA = { maxClusters: 40, maxCpus: 90 };

test('each wish is sent three times at once, and each end of some is written three times at once', async () => {
  await using stack = await startStackTable({ requestHandler: { httpAgent: { maxSockets: WISHES * TIMES } } });
  const deployments = new DynamoDbDeploymentStore(stack.table);
  const memberId = ulid();
  const severally = (work: () => Promise<unknown>) => Array.from({ length: TIMES }, work);
  const rows = () => deployments.listByMember(memberId, undefined, 10 * WISHES);
  const requireNoDrift = async (): Promise<readonly Deployment[]> => {
    const live = (await rows()).filter(({ phase }) => !isTerminal(phase));
    const cpus = live.reduce((sum, { desired }) => sum + desired.computes, 0);
    assert.deepEqual(await deployments.usage(memberId, 'naist'), { cpus, clusters: live.length });
    return live;
  };
  const wishAll = (round: string): Promise<unknown> =>
    Promise.allSettled(
      Array.from({ length: WISHES }, (_, i) => {
        const key = { memberId, key: `${round}-${i}`, requestSha256: 'x' };
        return severally(() => {
          const one = sampleDeployment({
            memberId,
            desired: { power: 'on', computes: i % 5, cpusPerCompute: 1, generation: 1 },
          });
          return deployments.create(one, sampleEvent(one), [], key, QUOTA);
        });
      }).flat(),
    );
  const endEvery = async (nth: number, live: readonly Deployment[]): Promise<unknown> =>
    Promise.allSettled(
      live
        .filter((_, i) => i % nth === 0)
        .flatMap((one) =>
          severally(() =>
            deployments.replace(one, { ...one, version: one.version + 1, phase: 'FAILED' }, undefined, []),
          ),
        ),
    );

  await wishAll('first');
  const first = await requireNoDrift();
  assert.ok(first.length > 0 && first.length <= QUOTA.maxClusters);
  await Promise.all([endEvery(2, first), wishAll('second')]);
  await requireNoDrift();
  await endEvery(1, await requireNoDrift());
  await endEvery(1, first);
  assert.deepEqual(await requireNoDrift(), []);
  assert.deepEqual(await deployments.usage(memberId, 'naist'), { cpus: 0, clusters: 0 });
});
