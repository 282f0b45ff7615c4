import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import type { Log } from '#shared/log-fields.ts';
import { ActiveJobs } from '../../edge-agent/active-jobs.ts';
import {
  HEARTBEAT_SECONDS,
  LEASE_SECONDS,
  retryDelaySeconds,
  VISIBILITY_TIMEOUT_SECONDS,
} from '../../edge-agent/core/lease.ts';
import { holdLease } from '../../edge-agent/heartbeat.ts';
import type { JobQueue, ReceivedMessage } from '../../edge-agent/ports.ts';
import { serializer } from '../../edge-agent/serialize.ts';

const SILENT: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const MESSAGE: ReceivedMessage = {
  messageId: 'm',
  receiptHandle: 'r',
  body: '{}',
  receiveCount: 1,
  receivedAt: new Date(),
};
const never = new AbortController().signal;
const until = (signal: AbortSignal) => async (): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
};

describe('jobs of one deployment', () => {
  it('fault 20: are done one after the other: a second copy of a message waits for the first', async () => {
    const jobs = new ActiveJobs();
    const gate = Promise.withResolvers<undefined>();
    const order: string[] = [];
    const first = jobs.run({ jobId: 'd', generation: 1 }, never, async () => {
      await gate.promise;
      order.push('first');
    });
    const others = ['second', 'third'].map((name) =>
      jobs.run({ jobId: 'd', generation: 1 }, never, async () => {
        order.push(`${name} begins`);
        await Promise.resolve();
        order.push(`${name} ends`);
      }),
    );
    gate.resolve(undefined);
    await Promise.all([first, ...others]);
    assert.deepEqual(order, ['first', 'second begins', 'second ends', 'third begins', 'third ends']);
  });

  it('are not begun for one who gave up waiting', async () => {
    const jobs = new ActiveJobs();
    const gate = Promise.withResolvers<undefined>();
    const first = jobs.run({ jobId: 'd', generation: 1 }, never, async () => {
      await gate.promise;
    });
    const stop = new AbortController();
    const second = jobs.run({ jobId: 'd', generation: 1 }, stop.signal, () => Promise.reject(new Error('began')));
    stop.abort(new Error('gave up'));
    gate.resolve(undefined);
    await first;
    await assert.rejects(second, /gave up/);
  });

  it('give way to a newer wish, which starts only when the older work has ended', async () => {
    const jobs = new ActiveJobs();
    const order: string[] = [];
    const older = jobs.run({ jobId: 'd', generation: 1 }, never, async (signal) => {
      await until(signal)().finally(() => order.push('older ended'));
    });
    const newer = jobs.run({ jobId: 'd', generation: 2 }, never, () => {
      order.push('newer began');
      return Promise.resolve();
    });
    await assert.rejects(older, { code: 'SUPERSEDED' });
    await newer;
    assert.deepEqual(order, ['older ended', 'newer began']);
  });

  it('do not stand in the way of other deployments, or of a later try', async () => {
    const jobs = new ActiveJobs();
    const stop = new AbortController();
    const blocked = jobs.run({ jobId: 'a', generation: 1 }, stop.signal, (signal) => until(signal)());
    await jobs.run({ jobId: 'b', generation: 1 }, never, () => Promise.resolve());
    stop.abort(new Error('stopped'));
    await assert.rejects(blocked, /stopped/);
    await jobs.run({ jobId: 'a', generation: 1 }, never, () => Promise.resolve());
  });
});

describe('a lease', () => {
  const queueThat = (extend: JobQueue['extend']): JobQueue => ({
    receive: () => Promise.resolve([]),
    extend,
    delete: () => Promise.resolve(),
  });

  it('is extended to the full visibility timeout while the work goes on', async () => {
    const extended = Promise.withResolvers<number>();
    const queue = queueThat((_message, seconds) => {
      extended.resolve(seconds);
      return Promise.resolve();
    });
    const lease = holdLease(MESSAGE, { queue, log: SILENT, heartbeatSeconds: 0.01 });
    assert.equal(await extended.promise, VISIBILITY_TIMEOUT_SECONDS);
    lease.stop();
    assert.equal(lease.signal.aborted, false);
  });

  const short = { heartbeatSeconds: 0.01, leaseSeconds: 0.05 };
  for (const [what, extend] of [
    ['could not be extended for too long', () => Promise.reject(new Error('the network is down'))],
    ['is extended by nobody knows: the queue never answers', () => new Promise<void>(() => undefined)],
  ] as const) {
    it(`fault 22: stops the work when it ${what}`, async () => {
      const lease = holdLease(MESSAGE, { queue: queueThat(extend), log: SILENT, ...short });
      await once(lease.signal, 'abort');
      assert.equal((lease.signal.reason as { code: string }).code, 'LEASE_LOST');
    });
  }

  it('is not lost while extensions come in time', async () => {
    let beats = 0;
    const enough = Promise.withResolvers<undefined>();
    const queue = queueThat(() => {
      if (++beats === 20) enough.resolve(undefined);
      return Promise.resolve();
    });
    const lease = holdLease(MESSAGE, { queue, log: SILENT, heartbeatSeconds: 0.01, leaseSeconds: 2 });
    await enough.promise;
    lease.stop();
    assert.equal(lease.signal.aborted, false);
  });

  for (const [what, name] of [
    ['fault 22: stops the work at once when the message is in flight no more', 'MessageNotInflight'],
    ['fault 22: stops the work at once when the message was deleted', 'ReceiptHandleIsInvalid'],
    ['fault 23: stops the work at once after twelve hours, when SQS extends no further', 'InvalidParameterValue'],
  ] as const) {
    it(what, async () => {
      const queue = queueThat(() => Promise.reject(Object.assign(new Error('no'), { name })));
      const lease = holdLease(MESSAGE, { queue, log: SILENT, heartbeatSeconds: 0.01 });
      await once(lease.signal, 'abort');
      assert.equal((lease.signal.reason as { code: string }).code, 'LEASE_LOST');
    });
  }

  for (const [what, step] of [
    ['five minutes ahead', 300],
    ['a day ahead', 86_400],
    ['five minutes back', -300],
    ['a day back', -86_400],
  ] as const) {
    it(`fault 58: is neither longer nor shorter when the clock steps ${what}`, async (t) => {
      t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
      let beats = 0;
      const last = Promise.withResolvers<number>();
      const queue = queueThat(() => {
        if (++beats === 5) t.mock.timers.setTime(Math.max(0, Date.now() + step * 1000));
        if (beats === 10) last.resolve(performance.now());
        return beats <= 10 ? Promise.resolve() : Promise.reject(new Error('the network is down'));
      });
      const lease = holdLease(MESSAGE, { queue, log: SILENT, heartbeatSeconds: 0.02, leaseSeconds: 1 });
      await once(lease.signal, 'abort');
      const held = (performance.now() - (await last.promise)) / 1000;
      assert.ok(held > 0.9 && held < 10, `${held} s after the last extension, on a clock that knows no steps`);
    });
  }

  it('ends before SQS shows the message to others', () => {
    assert.ok(LEASE_SECONDS < VISIBILITY_TIMEOUT_SECONDS && 2 * HEARTBEAT_SECONDS < LEASE_SECONDS);
  });

  it('is given back for longer each time', () => {
    assert.deepEqual([1, 2, 3, 9].map(retryDelaySeconds), [5, 10, 20, 120]);
  });
});

describe('serialized work', () => {
  it('runs one after the other, and a failure does not stop the next', async () => {
    const run = serializer();
    const order: number[] = [];
    const piece = (n: number) => () => {
      order.push(n);
      return n === 1 ? Promise.reject(new Error('one')) : Promise.resolve(n);
    };
    const [first, second, third] = await Promise.allSettled([run(piece(1)), run(piece(2)), run(piece(3))]);
    assert.deepEqual(order, [1, 2, 3]);
    assert.deepEqual([first.status, second.status, third.status], ['rejected', 'fulfilled', 'fulfilled']);
  });
});
