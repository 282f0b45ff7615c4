/** `npm run bench`: how fast an image comes here, against the original pipeline and against other tools. */
import { EdgebootError, ERROR_KINDS, messageOf } from '#shared/errors.ts';
import { parseBenchOptions } from './options.ts';
import { runBench } from './run-bench.ts';

const stop = new AbortController();
const onSignal = (signal: NodeJS.Signals): void => stop.abort(new EdgebootError('CANCELED', `stopped by ${signal}`));
process.once('SIGINT', onSignal).once('SIGTERM', onSignal);

try {
  await runBench(parseBenchOptions(process.argv.slice(2)), stop.signal);
} catch (error) {
  const known = error instanceof EdgebootError ? error : undefined;
  process.stderr.write(`bench: FAILED ${known ? `${known.code}: ` : ''}${messageOf(error)}\n`);
  process.exitCode = known ? ERROR_KINDS[known.code].exitCode : 1;
}
