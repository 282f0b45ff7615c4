/** `npm run bench`: how fast an image comes here, against the original pipeline and against other tools. */
import { parseBenchOptions } from './options.ts';
import { runBench } from './run-bench.ts';
import { runMain } from './run-main.ts';

await runMain('bench', (signal) => runBench(parseBenchOptions(process.argv.slice(2)), signal));
