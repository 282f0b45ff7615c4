/** Two who allocate at once. The original's picks of addresses took no lock (formats, section 4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ulid } from 'ulid';
import { openFileJournal } from '../../../edge-agent/adapters/file-journal.ts';
import { allocationTurns } from '../../../edge-agent/adapters/state-directory-lock.ts';
import { allocate } from '../../../edge-agent/steps/allocate.ts';
import { SSH_KEY } from '../../helpers/model-samples.ts';
import { notePorts } from '../../helpers/standalone-ports.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const MEMORY_MIB = { frontend: 128, compute: 128 };

test('formats §4, §6: clusters that are allocated at once get an address each, and it survives', async () => {
  await using folder = await createTemporaryFolder();
  // Each as a process of its own would: nothing is shared but the folder.
  const plans = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const { ports } = await notePorts(folder.path);
      const deploymentId = ulid();
      const request = { siteId: 'standalone', deploymentId, imageName: 'hpc', computeCpus: [1] };
      return allocate(
        {
          ...{ siteId: 'standalone', deploymentId, generation: 1, startedAt: new Date().toISOString() },
          request: () => ({ ...request, memoryMiB: MEMORY_MIB, sshPublicKeys: [SSH_KEY] }),
        },
        AbortSignal.timeout(30_000),
        { ...ports, allocating: allocationTurns(folder.path) },
      );
    }),
  );
  const addresses = plans.map(({ publicAddress }) => publicAddress).sort();
  assert.deepEqual(
    addresses,
    [10, 11, 12, 13, 14, 15].map((n) => `192.0.2.${n}`),
  );
  const kept = (await (await openFileJournal(folder.path)).list()).map(({ plan }) => plan.publicAddress).sort();
  assert.deepEqual(kept, addresses);
});
