/** One message, from receipt to deletion: what becomes of it, and of the cluster, when something goes wrong. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import type { FederationApi } from '../../edge-agent/ports.ts';
import { AS_IT_WAS, type MessageSite, openMessageSite, received, UP } from '../helpers/message-site.ts';
import { sampleDeployment } from '../helpers/model-samples.ts';

const failure = { code: 'BOOT_TIMEOUT', message: 'it did not come up', remedy: 'look at the console' };

describe('a message', () => {
  let site: MessageSite;
  beforeEach(async () => {
    site = await openMessageSite();
  });
  afterEach(() => site.close());

  it('fault 27: for a deployment that is not of this site is quarantined', async () => {
    await site.handle(received({ schemaVersion: 1, deploymentId: sampleDeployment().deploymentId, generation: 1 }));
    assert.deepEqual(site.done, ['delete']);
    assert.equal((await readdir(path.join(site.directory, 'quarantine'))).length, 1);
  });

  it('fault 21, fault 25: of a past wish, or of one that is fulfilled, is deleted without any work', async () => {
    site.control.row = { ...site.control.row, phase: 'RUNNING', agentId: 'agent-1' };
    await site.handle(site.announcing());
    site.control.row = { ...site.control.row, desired: { power: 'on', computes: 0, cpusPerCompute: 1, generation: 2 } };
    await site.handle(site.announcing(1));
    assert.deepEqual(site.done, ['delete', 'delete']);
  });

  it('fault 34: whose report was lost is reported again, and the cluster left alone', async () => {
    await site.journal(UP);
    site.running = ['frontend'];
    await site.handle(site.announcing());
    assert.equal(site.control.row.phase, 'RUNNING');
    assert.deepEqual(site.done, ['delete']);
  });

  it('is put off when the API does not take the report; the cluster runs on', async () => {
    await site.journal(UP);
    site.running = ['frontend'];
    site.control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await site.handle(site.announcing());
    assert.deepEqual(site.done, ['visible in 5 s']);
    assert.deepEqual(site.running, ['frontend']);
    await site.handle(site.announcing(1, 2));
    assert.equal(site.control.row.phase, 'RUNNING');
  });

  it('fault 34: whose report is not taken costs no cluster that is up, however often it is tried', async () => {
    await site.journal(UP);
    site.running = ['frontend'];
    site.control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await site.handle(site.announcing(1, 19));
    assert.deepEqual([site.done, site.running], [['visible in 120 s'], ['frontend']]);
    await site.handle(site.announcing(1, 20));
    assert.deepEqual([site.control.row.phase, site.done.at(-1)], ['RUNNING', 'delete']);
  });

  for (const phase of ['ACCEPTED', 'FETCHING', 'PERSONALIZING', 'BOOTING'] as const) {
    it(`finds a row that was put back to ${phase}: a cluster that is up is reported, one that is off booted on its disks`, async () => {
      const overlay = await site.ran(phase, 'on');
      const forgotten = {
        ...site.control.row,
        nodes: undefined,
        desired: { ...site.control.row.desired, generation: 1 },
      };
      site.control.row = forgotten;
      site.running = ['frontend'];
      await site.handle(site.announcing());
      assert.deepEqual([site.control.row.phase, site.done, site.running], ['RUNNING', ['delete'], ['frontend']]);

      site.control.row = forgotten;
      site.running = [];
      await site.handle(site.announcing());
      assert.deepEqual(
        [site.control.row.phase, site.done, site.running],
        ['RUNNING', ['delete', 'delete'], ['frontend']],
      );

      site.control.row = forgotten;
      site.running = [];
      const late = new EdgebootError('BOOT_TIMEOUT', 'it did not come up');
      const guestSignals = { awaitReady: () => Promise.reject(late) };
      site.use({ guestSignals });
      await site.handle(site.announcing());
      assert.deepEqual([site.control.row.phase, site.control.row.failure?.code], ['STOPPED', 'BOOT_TIMEOUT']);
      assert.deepEqual(
        site.control.row.nodes?.map(({ name }) => name),
        ['frontend'],
        'known to have run from now on',
      );
      assert.equal(await readFile(overlay, 'utf8'), AS_IT_WAS);
    });
  }

  it('whose row is gone while it is worked on leaves nothing, not even its place', async () => {
    const gone = new EdgebootError('NOT_FOUND', 'there is no such deployment');
    let reports = 0;
    const report: FederationApi['report'] = async (...args) => {
      if (++reports > 1) throw gone;
      return site.control.api.report(...args);
    };
    site.use({ api: { ...site.control.api, report } });
    await site.handle(site.announcing(1, 12));
    assert.deepEqual([site.done, reports], [['destroy domains', 'delete'], 2]);
    assert.deepEqual([await site.ports.journal.list(), await site.ports.clusterFiles.list()], [[], []]);
  });

  for (const [what, body] of [
    ['is no JSON', '{"schemaVersion": 1,'],
    ['is of an unknown version', '{"schemaVersion": 9}'],
    ['is as large as a message may be', JSON.stringify({ schemaVersion: 1, deploymentId: 'x'.repeat(262_000) })],
  ] as const) {
    it(`fault 24: that ${what} is quarantined with the reason, and the queue flows`, async () => {
      await site.handle(received(body));
      assert.deepEqual(site.done, ['delete']);
      const [name] = await readdir(path.join(site.directory, 'quarantine'));
      const kept = JSON.parse(await readFile(path.join(site.directory, 'quarantine', name ?? ''), 'utf8')) as object;
      assert.ok(
        'reason' in kept && /^the message (?:is not JSON|does not follow the schema at: )/.test(String(kept.reason)),
      );
      assert.ok('body' in kept && kept.body === body);
      await site.handle(site.announcing());
      assert.equal(site.control.row.phase, 'FETCHING');
    });
  }

  it('that was given up is only reported, never begun again', async () => {
    await site.journal({ failed: failure });
    site.running = ['frontend'];
    site.control.spoiled.push(new EdgebootError('SERVICE_UNAVAILABLE', 'the API is down'));
    await site.handle(site.announcing());
    assert.deepEqual(site.done, ['destroy domains', 'visible in 5 s']);
    await site.handle(site.announcing(1, 2));
    assert.equal(site.control.row.phase, 'FAILED');
    assert.equal(site.control.row.failure?.code, 'BOOT_TIMEOUT');
    assert.equal(await site.ports.journal.read(site.control.row.deploymentId), undefined);
  });

  it('is put off while there is hope, and failed before SQS takes it away', async () => {
    await site.handle(site.announcing());
    assert.equal(site.control.row.phase, 'FETCHING');
    assert.deepEqual(site.done.slice(-1), ['visible in 5 s']);
    await site.handle(site.announcing(1, 12));
    assert.equal(site.control.row.phase, 'FAILED');
    assert.deepEqual([site.control.row.failure?.code, site.done.at(-1)], ['SERVICE_UNAVAILABLE', 'delete']);
    assert.deepEqual(await site.ports.journal.list(), []);
    assert.deepEqual(await site.ports.clusterFiles.list(), []);
  });

  it('is given back at once when the agent is stopped', async () => {
    site.shutdown.abort(new EdgebootError('SHUTDOWN', 'stopped'));
    await site.handle(site.announcing());
    assert.deepEqual(site.done, ['visible in 0 s']);
  });

  it('fault 60: of another agent’s cluster is left to that agent', async () => {
    site.control.row = { ...site.control.row, phase: 'BOOTING', agentId: 'agent-2' };
    await site.handle(site.announcing());
    assert.deepEqual(site.done, ['visible in 5 s']);
    assert.equal(site.control.row.agentId, 'agent-2');
  });

  it('that asks for more than the site has fails with that reason, and leaves nothing', async () => {
    site.control.row = { ...site.control.row, desired: { power: 'on', computes: 9, cpusPerCompute: 1, generation: 1 } };
    await site.handle(site.announcing());
    assert.deepEqual([site.control.row.phase, site.control.row.failure?.code], ['FAILED', 'NO_CAPACITY']);
    assert.deepEqual(await site.ports.journal.list(), []);
  });
});
