/** What a process that was killed, or could not clear away, has left: it can be found and removed, and is never turned on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import { Stopwatch, type Work } from '../../../edge-agent/run.ts';
import { addKeys } from '../../../edge-agent/standalone/add-keys.ts';
import { boot, type StandalonePorts } from '../../../edge-agent/standalone/boot.ts';
import { clean } from '../../../edge-agent/standalone/clean.ts';
import { start } from '../../../edge-agent/standalone/start.ts';
import { SSH_KEY } from '../../helpers/model-samples.ts';
import { notePorts, PLAIN_WISH, SILENT } from '../../helpers/standalone-ports.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const NAME = 'vc-192-0-2-10';
const newWork = (): Work => ({ signal: new AbortController().signal, stopwatch: new Stopwatch() });
const fail = (code: 'BOOT_FAILED' | 'HYPERVISOR_BUSY') => (): Promise<never> =>
  Promise.reject(new EdgebootError(code, 'no'));

test('a cluster whose boot was killed before every node was personalized is neither started nor given keys', async () => {
  for (const step of ['createOverlay', 'personalize', 'createSeed'] as const) {
    await using folder = await createTemporaryFolder();
    const { ports } = await notePorts(folder.path);
    const killed = Promise.withResolvers<undefined>();
    const nodeDisks: StandalonePorts['nodeDisks'] = {
      ...ports.nodeDisks,
      personalize: () => Promise.resolve({ hasCloudInit: true }),
      // As far as it came when it was killed.
      [step]: () => new Promise(() => killed.resolve(undefined)),
    };
    void boot(PLAIN_WISH, newWork(), SILENT, { ...ports, nodeDisks });
    await killed.promise;

    const later = await notePorts(folder.path);
    const because = { code: 'CONFLICT', message: `${NAME} is not complete: its boot was interrupted` };
    await assert.rejects(start(NAME, newWork(), later.ports), because, step);
    const tellGuest = (): Promise<boolean> => Promise.resolve(true);
    await assert.rejects(addKeys(NAME, [SSH_KEY], newWork(), { ...later.ports, tellGuest }), because, step);
    assert.deepEqual(later.events, []);
    await clean(NAME, later.ports);
    assert.deepEqual(await later.ports.journal.list(), []);
  }
});

test('a boot that cannot clear away what it began says why it failed, and what is left can be cleaned', async () => {
  await using folder = await createTemporaryFolder();
  const { ports, events } = await notePorts(folder.path);
  const notices: string[] = [];
  const hypervisor = { ...ports.hypervisor, boot: fail('BOOT_FAILED'), destroy: fail('HYPERVISOR_BUSY') };
  const told = { ...SILENT, onNotice: (notice: string): void => void notices.push(notice) };
  await assert.rejects(boot(PLAIN_WISH, newWork(), told, { ...ports, hypervisor }), { code: 'BOOT_FAILED' });
  assert.deepEqual(notices, [`something is left of ${NAME} (no). Remove it with: edgeboot-agent clean ${NAME}`]);
  await clean(NAME, ports);
  assert.deepEqual(events.slice(-2), ['destroy', 'no public network']);
});

test('an interrupted boot ends as interrupted, whatever that broke', async () => {
  await using folder = await createTemporaryFolder();
  const interruption = new AbortController();
  const fetch = (): Promise<never> => {
    interruption.abort(new EdgebootError('CANCELED', 'interrupted'));
    return fail('HYPERVISOR_BUSY')();
  };
  const { ports } = await notePorts(folder.path, { fetch });
  const work = { signal: interruption.signal, stopwatch: new Stopwatch() };
  await assert.rejects(boot(PLAIN_WISH, work, SILENT, ports), { code: 'CANCELED' });
  assert.deepEqual(await ports.journal.list(), []);
});

test('a cluster is known until all of it is gone, the public network too', async () => {
  await using folder = await createTemporaryFolder();
  const { ports, running } = await notePorts(folder.path);
  await boot(PLAIN_WISH, newWork(), SILENT, ports);
  running.clear();
  await assert.rejects(clean(NAME, { ...ports, removePublicNetwork: fail('HYPERVISOR_BUSY') }), {
    code: 'HYPERVISOR_BUSY',
  });
  assert.equal((await ports.journal.list()).length, 1);
  await clean(NAME, ports);
  assert.deepEqual(await ports.journal.list(), []);
});
