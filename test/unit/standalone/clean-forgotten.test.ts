/** What a federation has forgotten is removed by the host's operator; what it knows, or may know, is not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgebootError, type ErrorCode } from '#shared/errors.ts';
import { Stopwatch } from '../../../edge-agent/run.ts';
import { boot } from '../../../edge-agent/standalone/boot.ts';
import { cleanForgotten } from '../../../edge-agent/standalone/clean-forgotten.ts';
import { sampleDeployment, sampleImage, sampleImageVersion } from '../../helpers/model-samples.ts';
import { notePorts, PLAIN_WISH, SILENT } from '../../helpers/standalone-ports.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const NAME = 'vc-192-0-2-10';
const NEVER = new AbortController().signal;

/** A cluster that runs; as its agent booted it where `isLocal` is false. */
async function hostWith(directory: string, isLocal = false) {
  const noted = await notePorts(directory);
  const { journal } = noted.ports;
  const { deploymentId, siteId } = await boot(
    PLAIN_WISH,
    { signal: NEVER, stopwatch: new Stopwatch() },
    SILENT,
    noted.ports,
  );
  const { generation, plan, startedAt } = (await journal.read(deploymentId)) ?? assert.fail();
  if (!isLocal) await journal.write({ deploymentId, generation, plan, startedAt });
  const asked: string[] = [];
  const federation = (answer: ErrorCode | 'known') => ({
    siteId,
    api: {
      readJob: (id: string) => {
        asked.push(id);
        if (answer !== 'known') return Promise.reject(new EdgebootError(answer, 'so it is'));
        return Promise.resolve({ deployment: sampleDeployment(), image: sampleImageVersion(sampleImage()) });
      },
    },
  });
  return { ...noted, deploymentId, federation, asked };
}

test('a cluster that the federation knows no more is removed with its place, although it runs', async () => {
  await using folder = await createTemporaryFolder();
  const { ports, events, federation, asked, deploymentId } = await hostWith(folder.path);
  await cleanForgotten(NAME, NEVER, federation('NOT_FOUND'), ports);
  assert.deepEqual([asked, events.includes('destroy')], [[deploymentId], true]);
  assert.deepEqual([await ports.journal.list(), await ports.clusterFiles.list()], [[], []]);
  await assert.rejects(cleanForgotten(NAME, NEVER, federation('NOT_FOUND'), ports), { code: 'NOT_FOUND' });
});

for (const [what, answer, code] of [
  ['the federation knows', 'known', 'FORBIDDEN'],
  ['the federation cannot be asked about', 'SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'],
] as const) {
  test(`a cluster that ${what} is left alone`, async () => {
    await using folder = await createTemporaryFolder();
    const { ports, events, federation } = await hostWith(folder.path);
    const before = events.length;
    await assert.rejects(cleanForgotten(NAME, NEVER, federation(answer), ports), { code });
    assert.deepEqual([events.length, (await ports.journal.list()).length], [before, 1]);
  });
}

test("this host's own, one of another site, and one that a command works on are left alone, and nobody is asked", async () => {
  await using folder = await createTemporaryFolder();
  const { ports, federation, asked, deploymentId } = await hostWith(folder.path);
  const elsewhere = { ...federation('NOT_FOUND'), siteId: 'another' };
  await assert.rejects(cleanForgotten(NAME, NEVER, elsewhere, ports), { code: 'FORBIDDEN' });
  {
    await using _held = await ports.tryHoldCluster(deploymentId);
    await assert.rejects(cleanForgotten(NAME, NEVER, federation('NOT_FOUND'), ports), { code: 'CONFLICT' });
  }
  await using other = await createTemporaryFolder();
  const own = await hostWith(other.path, true);
  await assert.rejects(cleanForgotten(NAME, NEVER, own.federation('NOT_FOUND'), own.ports), { code: 'FORBIDDEN' });
  assert.deepEqual([asked, own.asked, (await own.ports.journal.list()).length], [[], [], 1]);
});
