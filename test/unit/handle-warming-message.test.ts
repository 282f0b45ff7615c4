/** A message about a warming, from receipt to deletion. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EdgebootError } from '#shared/errors.ts';
import { makeGrant } from '../helpers/edge-fixture.ts';
import { type MessageSite, openMessageSite, received } from '../helpers/message-site.ts';
import { PUBLIC_NETWORK, sampleWarming } from '../helpers/model-samples.ts';

describe('a message', () => {
  let site: MessageSite;
  beforeEach(async () => {
    site = await openMessageSite();
  });
  afterEach(() => site.close());

  const warmingMessage = (receiveCount = 1, warmingId = site.control.warming.warmingId) =>
    received({ schemaVersion: 1, warmingId, grant: makeGrant('http://edge.test') }, receiveCount);

  it('about a warming is put off while there is hope, and failed before SQS takes it away', async () => {
    await site.handle(warmingMessage());
    assert.equal(site.control.warming.phase, 'FETCHING');
    assert.deepEqual(site.done, ['visible in 5 s'], 'no edge answers');
    await site.handle(warmingMessage(12));
    assert.deepEqual([site.control.warming.phase, site.control.warming.failure?.code], ['FAILED', 'PART_UNAVAILABLE']);
    assert.equal(site.done.at(-1), 'delete');
    await site.handle(warmingMessage(13));
    assert.deepEqual(site.done.slice(-2), ['delete', 'delete'], 'a copy that comes later finds it over');
  });

  it('about a warming is given back at once when the agent is stopped', async () => {
    site.shutdown.abort(new EdgebootError('SHUTDOWN', 'stopped'));
    await site.handle(warmingMessage());
    assert.deepEqual([site.control.warming.phase, site.done], ['ACCEPTED', ['visible in 0 s']]);
  });

  it('about a warming that is not of this site is quarantined', async () => {
    await site.handle(warmingMessage(1, sampleWarming().warmingId));
    assert.deepEqual(site.done, ['delete']);
    assert.equal((await readdir(path.join(site.directory, 'quarantine'))).length, 1);
  });

  it('about a warming touches no cluster, and asks for no room', async () => {
    site.use({ resources: { cpus: 0, memoryMiB: 0, publicNetwork: PUBLIC_NETWORK } });
    await site.handle(warmingMessage(12));
    assert.deepEqual(site.done, ['delete']);
    assert.deepEqual(
      [await site.ports.journal.list(), await site.ports.clusterFiles.list(), site.running],
      [[], [], []],
    );
  });
});
