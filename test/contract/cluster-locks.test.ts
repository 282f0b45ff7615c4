/** One suite over the locks on clusters: the fake, and sockets of the kernel. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterLocks } from '../../edge-agent/adapters/state-directory-lock.ts';
import type { HoldPorts } from '../../edge-agent/standalone/hold-cluster.ts';
import { memoryLocks } from '../helpers/memory-locks.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const [ONE, OTHER] = ['01JDABCDEFGHJKMNPQRSTVWXYZ', '01JDABCDEFGHJKMNPQRSTVWXY0'];

async function holdsForOne(tryHold: HoldPorts['tryHoldCluster']): Promise<void> {
  const held = await tryHold(ONE);
  assert.ok(held);
  assert.equal(await tryHold(ONE), undefined);
  {
    await using other = await tryHold(OTHER);
    assert.ok(other, 'another cluster is free');
  }
  await held[Symbol.asyncDispose]();
  const tries = await Promise.all([tryHold(ONE), tryHold(ONE), tryHold(ONE)]);
  assert.equal(tries.filter((one) => one !== undefined).length, 1, 'it is free again, for one');
  for (const one of tries) await one?.[Symbol.asyncDispose]();
}

test('memory: a cluster is held by one at a time', () => holdsForOne(memoryLocks()));

test('sockets: a cluster is held by one at a time, for each state directory', async () => {
  await using folder = await createTemporaryFolder();
  await using otherFolder = await createTemporaryFolder();
  await holdsForOne(clusterLocks(folder.path));
  await using held = await clusterLocks(folder.path)(ONE);
  assert.ok(held);
  await using other = await clusterLocks(otherFolder.path)(ONE);
  assert.ok(other);
});
