import assert from 'node:assert/strict';
import { it } from 'node:test';
import { deploymentListResponse } from '#shared/api.ts';
import { ulid } from 'ulid';
import { listDeployments } from '../../functions/read-deployments/read-deployments.ts';
import { ALICE, controlPlane } from '../helpers/control-plane.ts';
import { sampleDeployment, sampleEvent } from '../helpers/model-samples.ts';

it('a member’s deployments come a hundred at a time, newest first, none twice and none left out', async () => {
  const { ports } = await controlPlane();
  const all = Array.from({ length: 200 }, (_, i) => sampleDeployment({ deploymentId: ulid((i + 1) * 1000) }));
  for (const one of all) await ports.deployments.create(one, sampleEvent(one), [], undefined);
  const first = deploymentListResponse.parse(await listDeployments(ALICE, undefined, ports));
  const second = deploymentListResponse.parse(await listDeployments(ALICE, first.nextBefore, ports));
  assert.deepEqual([first.deployments.length, second.deployments.length], [100, 100]);
  assert.equal(second.nextBefore, undefined);
  assert.deepEqual(
    [...first.deployments, ...second.deployments].map(({ deploymentId }) => deploymentId),
    all.map(({ deploymentId }) => deploymentId).reverse(),
  );
});
