/** A message about a cluster that has run: to scale it, to turn it off and on, to end it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import type { HypervisorDriver } from '../../edge-agent/ports.ts';
import { AS_IT_WAS, type MessageSite, openMessageSite, UP } from '../helpers/message-site.ts';

describe('a message', () => {
  let site: MessageSite;
  beforeEach(async () => {
    site = await openMessageSite();
  });
  afterEach(() => site.close());

  it('that wants the cluster gone clears everything, then says so', async () => {
    await site.journal(UP);
    site.control.row = {
      ...site.control.row,
      phase: 'RUNNING',
      desired: { power: 'destroyed', computes: 0, cpusPerCompute: 1, generation: 2 },
    };
    await site.handle(site.announcing(2));
    assert.equal(site.control.row.phase, 'TERMINATED');
    assert.deepEqual(site.done, ['destroy domains', 'delete']);
    assert.deepEqual(await site.ports.journal.list(), []);
  });

  it('that wants fewer computes tells the frontend, then stops and removes the last ones; the others run on', async () => {
    await site.runs(3);
    site.wishComputes(1);
    // Its site offers that network no more: nothing is asked of it now.
    site.control.row = { ...site.control.row, extraInterfaces: ['withdrawn'] };
    const told: string[] = [];
    site.use({ tellGuest: (_socket, document) => (told.push(document), Promise.resolve(true)) });
    await site.handle(site.announcing(2));
    assert.deepEqual([site.control.row.phase, site.nodeNames()], ['RUNNING', ['frontend', 'compute-0']]);
    assert.deepEqual(site.done, ['remove compute-1 compute-2', 'delete']);
    assert.match(told.join(), /compute count="1"/);
    assert.deepEqual(await site.overlays(), ['compute-0.qcow2', 'frontend.qcow2']);
    const { plan } = (await site.ports.journal.read(site.control.row.deploymentId)) ?? assert.fail();
    assert.equal(plan.nodes.length, 2, 'their place is free');
  });

  it('that wants more computes than there is room for leaves the cluster as it was, and says why', async () => {
    await site.runs(1);
    site.wishComputes(5);
    await site.handle(site.announcing(2));
    const { phase, desired, failure: said } = site.control.row;
    assert.deepEqual([phase, desired.computes, said?.code], ['RUNNING', 1, 'NO_CAPACITY']);
    assert.deepEqual(
      [site.running, site.nodeNames()],
      [
        ['frontend', 'compute-0'],
        ['frontend', 'compute-0'],
      ],
    );
    assert.deepEqual(site.done, ['delete']);
  });

  it('that wants more computes whose image does not come is put off, then given up; nothing of them stays', async () => {
    await site.runs(1);
    site.wishComputes(2);
    await site.handle(site.announcing(2));
    const entry = async () => (await site.ports.journal.read(site.control.row.deploymentId)) ?? assert.fail();
    assert.deepEqual([site.control.row.phase, site.done], ['SCALING', ['visible in 5 s']]);
    assert.deepEqual([(await entry()).fresh, (await entry()).plan.nodes.length], [['compute-1'], 3]);
    await site.handle(site.announcing(2, 12));
    assert.deepEqual([site.control.row.phase, site.control.row.desired.computes], ['RUNNING', 1]);
    assert.equal(site.control.row.failure?.code, 'SERVICE_UNAVAILABLE');
    assert.deepEqual([(await entry()).fresh, (await entry()).plan.nodes.length], [[], 2]);
    assert.deepEqual(await site.overlays(), ['compute-0.qcow2', 'frontend.qcow2']);
    assert.deepEqual(site.running, ['frontend', 'compute-0']);
  });

  it('that wants the cluster off while computes are still to come forgets those', async () => {
    await site.runs(1);
    site.wishComputes(2);
    await site.handle(site.announcing(2));
    site.control.row = { ...site.control.row, desired: { ...site.control.row.desired, power: 'off', generation: 3 } };
    await site.handle(site.announcing(3));
    const { phase, desired } = site.control.row;
    assert.deepEqual([phase, desired.computes, desired.power], ['STOPPED', 1, 'off']);
    assert.equal((await site.ports.journal.read(site.control.row.deploymentId))?.plan.nodes.length, 2);
  });

  it('to start a cluster whose frontend had not heard of a change writes it into its disk first', async () => {
    await site.runs(1);
    site.wishComputes(0);
    const written: string[] = [];
    site.use({
      tellGuest: () => Promise.resolve(false),
      nodeDisks: {
        ...site.ports.nodeDisks,
        personalize: (overlay, files) => {
          written.push(
            `${path.basename(overlay)} ${String(files[0]?.content.includes('count="0"'))} ${site.running.length}`,
          );
          return Promise.resolve({ hasCloudInit: false });
        },
      },
    });
    await site.handle(site.announcing(2));
    assert.deepEqual([site.control.row.phase, written], ['RUNNING', []], 'a disk in use is not written to');
    for (const [power, generation] of [
      ['off', 3],
      ['on', 4],
      ['off', 5],
      ['on', 6],
    ] as const) {
      site.control.row = { ...site.control.row, desired: { ...site.control.row.desired, power, generation } };
      await site.handle(site.announcing(generation));
    }
    assert.deepEqual(written, ['frontend.qcow2 true 0'], 'once, before it is turned on');
  });

  it('that wants the cluster off shuts it down, and keeps its disks and its place', async () => {
    const overlay = await site.ran('RUNNING', 'off');
    site.running = ['frontend'];
    await site.handle(site.announcing(2));
    assert.equal(site.control.row.phase, 'STOPPED');
    assert.deepEqual(site.done, ['shut down', 'delete']);
    await site.handle(site.announcing(2));
    assert.deepEqual(site.done, ['shut down', 'delete', 'delete'], 'a copy finds it done');
    assert.equal(await readFile(overlay, 'utf8'), AS_IT_WAS);
    assert.equal((await site.ports.journal.list()).length, 1);
  });

  it('fault 22, fault 32: to stop a cluster is let go of at once, however long its guests take to end', async () => {
    await site.ran('RUNNING', 'off');
    site.running = ['frontend'];
    const waiting = Promise.withResolvers<undefined>();
    const stop: HypervisorDriver['stop'] = async (_cluster, _graceSeconds, signal) => {
      waiting.resolve(undefined);
      await once(signal, 'abort');
      throw signal.reason;
    };
    const hypervisor = { ...site.ports.hypervisor, stop };
    site.use({ hypervisor });
    const handling = site.handle(site.announcing(2));
    await waiting.promise;
    site.shutdown.abort(new EdgebootError('SHUTDOWN', 'stopped'));
    await handling;
    assert.deepEqual([site.control.row.phase, site.done], ['STOPPING', ['visible in 0 s']]);
  });

  it('that finds the cluster half shut down goes on with it, as after a crash', async () => {
    await site.ran('STOPPING', 'off');
    site.control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await site.handle(site.announcing(2));
    await site.handle(site.announcing(2, 2));
    assert.equal(site.control.row.phase, 'STOPPED');
    assert.deepEqual(site.done, ['visible in 5 s', 'shut down', 'delete']);
  });

  it('that wants the cluster on again boots its nodes on the disks that it has, and fetches nothing', async () => {
    const overlay = await site.ran('STOPPED', 'on');
    await site.handle(site.announcing(2));
    assert.equal(site.control.row.phase, 'RUNNING');
    assert.deepEqual([site.running, site.done], [['frontend'], ['delete']]);
    assert.deepEqual(
      site.control.row.nodes?.map(({ privateAddress, publicAddress }) => [privateAddress, publicAddress]),
      [['10.1.1.1', '192.0.2.10']],
    );
    assert.equal(site.control.row.timeline?.bytesFetched, 0);
    assert.equal(await readFile(overlay, 'utf8'), AS_IT_WAS);
  });

  it('to start that comes again after a crash, or a lost report, keeps the disks, too', async () => {
    const overlay = await site.ran('BOOTING', 'on');
    site.running = ['frontend'];
    await site.handle(site.announcing(2));
    assert.equal(site.control.row.phase, 'RUNNING');
    assert.deepEqual(site.done, ['delete'], 'nothing was cleared away');
    assert.equal(await readFile(overlay, 'utf8'), AS_IT_WAS);
  });

  it('to start a cluster that does not come up leaves it off, with its disks, and says why', async () => {
    const overlay = await site.ran('STOPPED', 'on');
    const late = new EdgebootError('BOOT_TIMEOUT', 'it did not come up');
    site.use({ guestSignals: { awaitReady: () => Promise.reject(late) } });
    await site.handle(site.announcing(2));
    assert.deepEqual([site.control.row.phase, site.control.row.desired.power], ['STOPPED', 'off']);
    assert.equal(site.control.row.failure?.code, 'BOOT_TIMEOUT');
    assert.deepEqual(site.done, ['shut down', 'delete']);
    assert.equal(await readFile(overlay, 'utf8'), AS_IT_WAS);
    assert.equal((await site.ports.journal.list()).length, 1);
  });

  it('to start a cluster that has lost a disk boots nothing', async () => {
    await rm(await site.ran('STOPPED', 'on'));
    await site.handle(site.announcing(2));
    assert.deepEqual([site.control.row.phase, site.control.row.failure?.code], ['STOPPED', 'CONFLICT']);
    assert.match(site.control.row.failure?.message ?? '', /the disk of frontend is gone/);
    assert.deepEqual(site.running, []);
  });
});
