/** The verification of AWS, run over the embedded cloud: the same steps and the same removal, but for the stack's. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { noCounts } from '../../aws/cost.ts';
import { type EmbeddedTarget, openEmbeddedTarget } from '../../aws/embedded-target.ts';
import { REMOVALS } from '../../aws/removals.ts';
import { remove, runSteps } from '../../aws/run-steps.ts';
import type { Run, Step } from '../../aws/step.ts';
import { STEPS } from '../../aws/steps.ts';
import { findTraces } from '../../aws/traces.ts';
import { findSecrets } from '../../helpers/secrets.ts';

const FAILURE = new EdgebootError('INTERNAL', 'a step that fails, for this test');

void describe('the verification of AWS, over the embedded cloud', { timeout: 600_000 }, () => {
  const undo = new AsyncDisposableStack();
  let target: EmbeddedTarget;
  let said: string[];

  before(async () => {
    target = undo.adopt(await openEmbeddedTarget(), (opened) => opened.close());
  });
  after(() => undo.disposeAsync());

  const newRun = async (more: Partial<Run> = {}): Promise<Run> => {
    const folder = undo.adopt(await mkdtemp('/var/tmp/edgeboot-'), (path) =>
      rm(path, { recursive: true, force: true }),
    );
    said = [];
    const words = said;
    return {
      ...{ target, folder, counts: noCounts(), facts: {}, local: new AsyncDisposableStack() },
      signal: new AbortController().signal,
      confirm: () => Promise.resolve(),
      teller: {
        say: (line) => void words.push(line),
        step: (name, work) => {
          words.push(`> ${name}`);
          return work();
        },
      },
      ...more,
    };
  };
  const namesOf = (things: readonly { readonly name: string }[]) => things.map(({ name }) => `> ${name}`);
  const stepsSaid = () => said.filter((line) => line.startsWith('> '));
  const isFailure = (error: unknown) => error === FAILURE;

  it('makes nothing unless the person says yes, and then removes nothing', async () => {
    const run = await newRun({ confirm: () => Promise.reject(FAILURE) });
    await assert.rejects(runSteps(STEPS, run), isFailure);
    assert.deepEqual(stepsSaid(), namesOf(STEPS.slice(0, 2)));
    assert.deepEqual(await findTraces(target), []);
  });

  it('does the whole job, counts what it costs, and leaves nothing', async () => {
    const run = await newRun();
    await runSteps(STEPS, run);
    assert.deepEqual(stepsSaid(), namesOf([...STEPS, ...REMOVALS]));
    assert.deepEqual(await findTraces(target), []);
    const { edgeRequests, edgeBytes, putRequests, storedBytes, queueRequests, commands } = run.counts;
    assert.ok(edgeRequests > 120 && edgeBytes > 1_000_000, `${edgeRequests} requests, ${edgeBytes} bytes`);
    assert.ok(putRequests > 3 && storedBytes > 300_000 && queueRequests >= 5 && commands >= 12);
    assert.ok(said.some((line) => line.includes('all codes are those of the embedded edge')));
    assert.deepEqual(findSecrets(said.join('\n')), []);
  });

  it('removes everything when a step fails in the middle, protected things too', async () => {
    const at = STEPS.findIndex(({ name }) => name.startsWith('enroll and start'));
    const seen: string[] = [];
    const failing: Step = {
      ...{ name: 'fail', why: 'for this test', costs: 'nothing', makes: () => [], undo: [] },
      run: async () => {
        seen.push(...(await findTraces(target)));
        throw FAILURE;
      },
    };
    const steps = STEPS.toSpliced(at, Infinity, failing);
    await assert.rejects(runSteps(steps, await newRun()), isFailure);
    for (const kind of ['stack', 'table', 'bucket', 'log group', 'secret', 'queue']) {
      assert.ok(
        seen.some((line) => line.startsWith(`the ${kind} `)),
        `${kind} of ${seen.join(', ')}`,
      );
    }
    assert.deepEqual(stepsSaid(), namesOf([...steps, ...REMOVALS]));
    assert.deepEqual(await findTraces(target), []);
  });

  it('refuses a stage that exists, touches nothing of it, and removes it where that is asked for alone, again and again', async () => {
    const untilKeys = STEPS.findIndex(({ name }) => name.startsWith('publish the keys'));
    const stop = new AbortController();
    const leaving = STEPS.slice(0, untilKeys).map((step) => ({ ...step, undo: [] }));
    await runSteps(leaving, await newRun({ signal: stop.signal }));
    const left = await findTraces(target);
    assert.ok(left.length >= 6, left.join(', '));

    await assert.rejects(runSteps(STEPS, await newRun()), (error) => hasCode(error, 'CONFLICT'));
    assert.deepEqual(await findTraces(target), left);

    const { teller } = await newRun();
    await remove(REMOVALS, target, teller);
    assert.deepEqual(await findTraces(target), []);
    await remove(REMOVALS, target, teller);
  });

  it('goes to the removal when it is stopped, with the reason of the stop', async () => {
    const stop = new AbortController();
    const reason = new EdgebootError('CANCELED', 'stopped, for this test');
    const untilKeys = STEPS.findIndex(({ name }) => name.startsWith('publish the keys'));
    const stopping: Step = {
      ...{ name: 'be stopped', why: 'for this test', costs: 'nothing', makes: () => [], undo: [] },
      run: () => {
        stop.abort(reason);
        return Promise.reject(new Error('a program that the signal has ended, too'));
      },
    };
    const steps = STEPS.toSpliced(untilKeys, 0, stopping);
    await assert.rejects(runSteps(steps, await newRun({ signal: stop.signal })), (error) => error === reason);
    assert.deepEqual(stepsSaid(), namesOf([...steps.slice(0, untilKeys + 1), ...REMOVALS]));
    assert.deepEqual(await findTraces(target), []);
  });

  it('goes on removing where one thing cannot be removed, and names what is left', async () => {
    const untilKeys = STEPS.findIndex(({ name }) => name.startsWith('publish the keys'));
    const removals = REMOVALS.map((removal) =>
      removal.name.includes('audit trail') ? { ...removal, run: () => Promise.reject(FAILURE) } : removal,
    );
    const steps = STEPS.slice(0, untilKeys).map((step) => ({ ...step, undo: step.undo.length > 0 ? removals : [] }));
    await assert.rejects(runSteps(steps, await newRun()), (error) => {
      assert.ok(hasCode(error, 'SERVICE_UNAVAILABLE'));
      assert.match(error.message, /the log group \/edgeboot\/local\/audit$/);
      assert.match(error.remedy, /--remove --stage local/);
      return true;
    });
    assert.deepEqual(await findTraces(target), ['the log group /edgeboot/local/audit']);
    await remove(REMOVALS, target, (await newRun()).teller);
  });
});
