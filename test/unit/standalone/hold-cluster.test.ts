/** Two commands at once on one cluster: the second is refused, and what a command decides on is read once nobody else can change it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import { Stopwatch, type Work } from '../../../edge-agent/run.ts';
import { addKeys, type AddKeysPorts } from '../../../edge-agent/standalone/add-keys.ts';
import { boot } from '../../../edge-agent/standalone/boot.ts';
import { clean } from '../../../edge-agent/standalone/clean.ts';
import { shutdown } from '../../../edge-agent/standalone/shutdown.ts';
import { start } from '../../../edge-agent/standalone/start.ts';
import { SSH_KEY } from '../../helpers/model-samples.ts';
import { type NotedPorts, notePorts, PLAIN_WISH, SILENT } from '../../helpers/standalone-ports.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const NAME = 'vc-192-0-2-10';
const OTHER_KEY = SSH_KEY.replace('member', 'other');
const newWork = (): Work => ({ signal: new AbortController().signal, stopwatch: new Stopwatch() });

type Commands = Record<'start' | 'shutdown' | 'clean' | 'add-key', () => Promise<unknown>>;

function commandsOn(ports: NotedPorts['ports']): Commands {
  const tellGuest: AddKeysPorts['tellGuest'] = () => Promise.resolve(true);
  return {
    start: () => start(NAME, newWork(), ports),
    shutdown: () => shutdown(NAME, 1, newWork().signal, ports),
    clean: () => clean(NAME, ports),
    'add-key': () => addKeys(NAME, [OTHER_KEY], newWork(), { ...ports, tellGuest }),
  };
}

async function assertRefused(noted: NotedPorts, commands: Commands): Promise<void> {
  const before = [JSON.stringify(await noted.ports.journal.list()), ...noted.events];
  for (const [name, command] of Object.entries(commands)) {
    await assert.rejects(command(), { code: 'CONFLICT', message: `another command works on ${NAME}` }, name);
  }
  assert.deepEqual([JSON.stringify(await noted.ports.journal.list()), ...noted.events], before);
}

test('while one command works on a cluster, every other is refused and touches nothing', async () => {
  await using folder = await createTemporaryFolder();
  const noted = await notePorts(folder.path);
  const { deploymentId } = await boot(PLAIN_WISH, newWork(), SILENT, noted.ports);
  const held = await noted.ports.tryHoldCluster(deploymentId);
  assert.ok(held);
  await assertRefused(noted, commandsOn(noted.ports));
  await held[Symbol.asyncDispose]();
  await shutdown(NAME, 1, newWork().signal, noted.ports);
  assert.equal(noted.events.at(-1), 'stop after 1 s');
});

test('a boot holds its cluster from the first moment that it can be found, until the boot has ended', async () => {
  await using folder = await createTemporaryFolder();
  const noted = await notePorts(folder.path, {
    fetch: async () => {
      await assertRefused(noted, commandsOn(noted.ports));
      throw new EdgebootError('PART_UNAVAILABLE', 'gone');
    },
  });
  const { journal } = noted.ports;
  const watched: typeof journal = {
    ...journal,
    write: async (entry) => {
      await journal.write(entry);
      await assertRefused(noted, commandsOn(noted.ports));
    },
  };
  await assert.rejects(boot(PLAIN_WISH, newWork(), SILENT, { ...noted.ports, journal: watched }), {
    code: 'PART_UNAVAILABLE',
  });
  await assert.rejects(clean(NAME, noted.ports), { code: 'NOT_FOUND' });

  const booting = await notePorts(folder.path, {}, async () => {
    await assertRefused(booting, commandsOn(booting.ports));
    return 'guest-kit';
  });
  await boot(PLAIN_WISH, newWork(), SILENT, booting.ports);
  await assert.rejects(clean(NAME, booting.ports), { code: 'CONFLICT', message: /still run$/ });
});

test('two at once: one does it, the other is refused', async () => {
  for (const name of ['start', 'shutdown', 'add-key'] as const) {
    await using folder = await createTemporaryFolder();
    const noted = await notePorts(folder.path);
    await boot(PLAIN_WISH, newWork(), SILENT, noted.ports);
    const refused = Promise.withResolvers<undefined>();
    /** Who has it goes on once the other was told that it is held. */
    const tryHoldCluster: NotedPorts['ports']['tryHoldCluster'] = async (id) => {
      const held = await noted.ports.tryHoldCluster(id);
      if (held === undefined) refused.resolve(undefined);
      await refused.promise;
      return held;
    };
    const command = commandsOn({ ...noted.ports, tryHoldCluster })[name];
    const outcomes = await Promise.allSettled([command(), command()]);
    assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'], name);
  }
});

test('what was removed or changed before a command got hold of the cluster is seen', async () => {
  await using folder = await createTemporaryFolder();
  const { ports, events } = await notePorts(folder.path);
  const { deploymentId } = await boot(PLAIN_WISH, newWork(), SILENT, ports);
  const { journal, tryHoldCluster } = ports;
  const entry = await journal.read(deploymentId);
  assert.ok(entry);
  /** Another command ends between the look at the journal and the hold. */
  const afterwards = (change: () => Promise<void>): NotedPorts['ports'] => ({
    ...ports,
    tryHoldCluster: async (id) => {
      await change();
      return tryHoldCluster(id);
    },
  });

  const plan = { ...entry.plan, sshPublicKeys: [SSH_KEY, `${SSH_KEY}-2`] };
  await commandsOn(afterwards(() => journal.write({ ...entry, plan })))['add-key']();
  const kept = await journal.read(deploymentId);
  assert.deepEqual(kept?.plan.sshPublicKeys, [SSH_KEY, `${SSH_KEY}-2`, OTHER_KEY]);

  const known = events.length;
  for (const command of Object.values(commandsOn(afterwards(() => journal.remove(deploymentId))))) {
    await journal.write(entry);
    await assert.rejects(command(), { code: 'NOT_FOUND' });
  }
  assert.equal(events.length, known, 'nothing was touched');
});
