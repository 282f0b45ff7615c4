/** Runs steps one after the other; whatever happens, what they have made is removed again. */
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { poll } from './poll.ts';
import type { Removal, Run, Step, Teller } from './step.ts';
import type { Target } from './target.ts';
import { findTraces } from './traces.ts';

const LOOK_SECONDS = 10;

/** Throws what the first failing step threw, once all is removed; or, worse, what `remove` throws. */
export async function runSteps(steps: readonly Step[], run: Run): Promise<void> {
  const due: Removal[] = [];
  let failure: { readonly error: unknown } | undefined;
  try {
    for (const step of steps) {
      run.signal.throwIfAborted();
      due.unshift(...step.undo);
      run.teller.say(await run.teller.step(step.name, () => step.run(run)));
    }
  } catch (error) {
    // A program that a Ctrl-C at the terminal has ended, too, is no failure of its own.
    failure = { error: run.signal.aborted ? run.signal.reason : error };
    run.teller.say(`stopped: ${messageOf(failure.error)}`);
  }
  // Whatever will not end here must not keep from removing what costs money.
  await run.local.disposeAsync().catch((error: unknown) => run.teller.say(`not ended: ${messageOf(error)}`));
  if (due.length > 0) await remove(due, run.target, run.teller);
  if (failure !== undefined) throw failure.error;
}

/**
 * Takes all of it away, the rest also where one thing cannot be; then looks for what is left.
 * @throws EdgebootError SERVICE_UNAVAILABLE while anything is left.
 */
export async function remove(removals: readonly Removal[], target: Target, teller: Teller): Promise<void> {
  const failures: string[] = [];
  for (const { name, run } of removals) {
    await teller
      .step(name, () => run(target))
      .catch((error: unknown) => {
        failures.push(`${name}: ${messageOf(error)}`);
        teller.say(`not done: ${messageOf(error)}`);
      });
  }
  const left: string[] = [];
  await poll({ everySeconds: LOOK_SECONDS, forSeconds: target.settleSeconds }, async () => {
    left.splice(0, Infinity, ...(await findTraces(target)));
    return left.length === 0 ? left : undefined;
  });
  if (failures.length === 0 && left.length === 0) return;
  throw new EdgebootError(
    'SERVICE_UNAVAILABLE',
    `not everything is removed:\n  ${[...failures, ...left].join('\n  ')}`,
    {
      remedy: `It costs money while it is there. Try again: npm run verify:aws -- --remove --stage ${target.stage}, with the same profile and region.`,
    },
  );
}
