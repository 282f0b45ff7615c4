/** A road as a process of its own, which says where it listens. Its one argument is JSON: see road-options.ts. */
import { seededRandom } from '../../helpers/seeded-random.ts';
import { readRoadOptions } from './road-options.ts';
import { startRoadServer } from './road-server.ts';

const { seed, ...options } = readRoadOptions(process.argv[2] ?? '');
const { port } = await startRoadServer({ ...options, random: seededRandom(seed) });
process.stdout.write(`listening on ${port}\n`);
