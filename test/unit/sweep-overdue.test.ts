import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { LogFields } from '#shared/log-fields.ts';
import { ulid } from 'ulid';
import { messageEntry } from '../../functions/outbox/entries.ts';
import { sweep } from '../../functions/sweep/sweep.ts';
import { controlPlane } from '../helpers/control-plane.ts';

it('the sweep names as an error what it could not deliver for an hour, and nothing younger', async () => {
  const { ports, broken, pass } = await controlPlane();
  const entryNow = () =>
    messageEntry(ports.now().toISOString(), 'http://gone', { schemaVersion: 1, deploymentId: ulid(), generation: 1 });
  const old = entryNow();
  pass(3_600_001);
  await ports.outbox.add([old, entryNow()]);
  pass(11_000);
  broken.queue = true;
  const errors: (LogFields | undefined)[] = [];
  const log = { ...ports.log, error: (_message: string, fields?: LogFields) => void errors.push(fields) };
  await sweep({ ...ports, log });
  assert.deepEqual(
    errors.map((fields) => fields?.auditId),
    [old.entryId],
  );
});
