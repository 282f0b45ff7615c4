/** `npm run experiment`: the original authors' comparison of bucket and edges, in a model of distance. */
import { runMain } from '../run-main.ts';
import { parseExperimentOptions } from './options.ts';
import { runExperiment } from './run-experiment.ts';

await runMain('experiment', (signal) => runExperiment(parseExperimentOptions(process.argv.slice(2)), signal));
