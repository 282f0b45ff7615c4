import { once } from 'node:events';
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { EdgebootError } from '#shared/errors.ts';

/** Below the ports that Linux hands to outgoing connections: nobody gets one of these without asking for it. */
const LOWEST = 20_000;
const HIGHEST = 32_000;
const ATTEMPTS = 50;

/**
 * A TCP port of 127.0.0.1 that nobody listens on, for servers that cannot take port 0 and say what they got.
 * @throws EdgebootError SERVICE_UNAVAILABLE when many were tried in vain
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
  throw new EdgebootError('SERVICE_UNAVAILABLE', `No free port was found between ${LOWEST} and ${HIGHEST}.`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const verdict = Promise.race([once(server, 'listening').then(() => true), once(server, 'error').then(() => false)]);
  server.listen(port, '127.0.0.1');
  const free = await verdict;
  if (free) {
    server.close();
    await once(server, 'close');
  }
  return free;
}
