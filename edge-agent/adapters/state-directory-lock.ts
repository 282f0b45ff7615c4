/**
 * One agent per state directory: the lock is an abstract Unix socket named after the directory, which the kernel gives up by
 * itself when the process ends, however it ends.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { EdgebootError } from '#shared/errors.ts';

/** Answers how to let go. Throws CONFLICT where another agent holds the directory. */
export async function holdStateDirectory(stateDirectory: string): Promise<() => Promise<void>> {
  const name = createHash('sha256')
    .update(await realpath(stateDirectory))
    .digest('hex')
    .slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  server.listen(`\0edgeboot-agent-${name}`);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new EdgebootError('CONFLICT', `another agent works with ${stateDirectory}`, {
      remedy: 'Stop the other agent, or give this one a state directory of its own.',
      cause: error,
    });
  }
  server.unref();
  return async () => {
    await new Promise((resolve) => server.close(resolve));
  };
}
