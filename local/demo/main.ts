/**
 * `npm run demo`: the main job, end to end, on this machine. Publish → request → sign → queue → fetch → personalize → boot →
 * report, with the real programs at every step; AWS itself is emulated (README.md says what that leaves out).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import { runDemo } from './run-demo.ts';
import { parseDemoOptions } from './options.ts';

/** When cleaning up takes longer, we end all the same. */
const CLEAN_UP_LIMIT_MS = 60_000;
const CANCELED = ERROR_KINDS.CANCELED.exitCode;

const stop = new AbortController();
/** Asked again, it goes on cleaning up. */
const onSignal = (signal: NodeJS.Signals): void => {
  if (stop.signal.aborted) return;
  process.stderr.write(`\n${signal}: cleaning up …\n`);
  stop.abort(new EdgebootError('CANCELED', `stopped by ${signal}`));
  void delay(CLEAN_UP_LIMIT_MS, undefined, { ref: false }).then(() => process.exit(CANCELED));
};
process.on('SIGINT', onSignal).on('SIGTERM', onSignal);

try {
  await runDemo(parseDemoOptions(process.argv.slice(2)), stop.signal);
  process.exitCode = 0;
} catch (error) {
  const known = error instanceof EdgebootError ? error : undefined;
  // Whatever broke off because of the stop: a terminal's Ctrl-C reaches every program that we run.
  if (stop.signal.aborted) {
    process.stderr.write('demo: stopped; everything is cleaned up\n');
  } else {
    process.stderr.write(`demo: FAILED ${known ? `${known.code}: ` : ''}${messageOf(error)}\n`);
    if (known) process.stderr.write(`  ${known.remedy}\n`);
  }
  process.exitCode = stop.signal.aborted ? CANCELED : known ? ERROR_KINDS[known.code].exitCode : 1;
}
