/** What the commands that measure have in common: signals, and what failures say. */
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';

/** Sets the exit status. */
export async function runMain(name: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => stop.abort(new EdgebootError('CANCELED', `stopped by ${signal}`));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    await work(stop.signal);
  } catch (error) {
    const known = error instanceof EdgebootError ? error : undefined;
    process.stderr.write(`${name}: FAILED ${known ? `${known.code}: ` : ''}${messageOf(error)}\n`);
    process.exitCode = known ? ERROR_KINDS[known.code].exitCode : 1;
  }
}
