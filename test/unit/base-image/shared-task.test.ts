import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTask } from '../../../edge-agent/base-image/shared-task.ts';

/** A task whose runs end when the test says so, or when they are aborted. */
function createTask() {
  const runs: { options: string; report: (progress: number) => void; finish: (result: string) => void }[] = [];
  const task = new SharedTask<string, number, string>((options, report, signal) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    signal.addEventListener('abort', () => reject(signal.reason as Error));
    runs.push({ options, report, finish: resolve });
    return promise;
  });
  return { task, runs };
}
const never = new AbortController().signal;

test('all who join while it runs share one run and hear its progress', async () => {
  const { task, runs } = createTask();
  const heard: number[] = [];
  const listen = (progress: number): void => void heard.push(progress);
  const joined = [task.join('first', listen, never), task.join('second', listen, never)];
  assert.deepEqual(
    runs.map(({ options }) => options),
    ['first'],
  );
  runs[0]?.report(7);
  runs[0]?.finish('done');
  assert.deepEqual(await Promise.all(joined), ['done', 'done']);
  assert.deepEqual(heard, [7, 7]);
});

test('the next to ask after its end starts a new run', async () => {
  const { task, runs } = createTask();
  const first = task.join('a', undefined, never);
  runs[0]?.finish('1');
  await first;
  const second = task.join('b', undefined, never);
  assert.equal(runs.length, 2);
  runs[1]?.finish('2');
  assert.equal(await second, '2');
});

test('who leaves is free at once; the run goes on for the others', async () => {
  const { task, runs } = createTask();
  const leave = new AbortController();
  const leaving = task.join('a', undefined, leave.signal);
  const staying = task.join('b', undefined, never);
  leave.abort(new Error('bye'));
  await assert.rejects(leaving, /bye/);
  runs[0]?.finish('done');
  assert.equal(await staying, 'done');
});

test('when the last one leaves, the run is aborted; who comes then gets a new one', async () => {
  const { task, runs } = createTask();
  const leave = new AbortController();
  const leaving = task.join('a', undefined, leave.signal);
  leave.abort(new Error('bye'));
  const coming = task.join('b', undefined, never);
  await assert.rejects(leaving, /bye/);
  await new Promise(setImmediate);
  assert.deepEqual(
    runs.map(({ options }) => options),
    ['a', 'b'],
  );
  runs[1]?.finish('done');
  assert.equal(await coming, 'done');
});

test('who is aborted already starts nothing', async () => {
  const { task, runs } = createTask();
  await assert.rejects(task.join('a', undefined, AbortSignal.abort(new Error('bye'))), /bye/);
  assert.equal(runs.length, 0);
});
