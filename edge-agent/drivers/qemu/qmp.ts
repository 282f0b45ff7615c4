/** One order to a running QEMU over its monitor socket (QMP). Whoever asks connects, orders, and lets go: there is room for one. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';

/** No answer is nearly as long. */
const MAX_ANSWER_BYTES = 1024 * 1024;

const messageSchema = z.union([
  z.object({ QMP: z.unknown() }),
  z.object({ return: z.unknown() }),
  z.object({ error: z.object({ desc: z.string() }) }),
  z.object({ event: z.string() }),
]);

/**
 * @returns what QEMU answers.
 * @throws EdgebootError HYPERVISOR_BUSY when it does not answer in time, BOOT_FAILED with its words when it refuses. Error when
 * nobody listens, or QEMU ends meanwhile.
 */
export async function executeQmp(socketPath: string, command: string, timeoutSeconds: number): Promise<unknown> {
  const socket = connect(socketPath);
  const timer = setTimeout(() => socket.destroy(timeout(command, timeoutSeconds)), timeoutSeconds * 1000);
  try {
    await once(socket, 'connect');
    return await converse(socket, ['qmp_capabilities', command]);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** QEMU greets, then answers each order; events come in between. */
async function converse(socket: Socket, commands: readonly string[]): Promise<unknown> {
  const failed = Promise.withResolvers<never>();
  socket.on('error', failed.reject);
  socket.on('close', () => failed.reject(new Error('QEMU hung up')));
  socket.on('data', () => {
    if (socket.bytesRead > MAX_ANSWER_BYTES) socket.destroy(new Error('QEMU says too much'));
  });
  const pending = [...commands];
  const answered = (async () => {
    let answer: unknown;
    for await (const line of createInterface({ input: socket })) {
      const message = messageSchema.parse(JSON.parse(line));
      if ('event' in message) continue;
      if ('error' in message) throw new EdgebootError('BOOT_FAILED', `QEMU: ${message.error.desc}`);
      if ('return' in message) answer = message.return;
      const next = pending.shift();
      if (next === undefined) return answer;
      socket.write(`${JSON.stringify({ execute: next })}\n`);
    }
    return failed.promise;
  })();
  return Promise.race([answered, failed.promise]);
}

function timeout(command: string, seconds: number): EdgebootError {
  return new EdgebootError('HYPERVISOR_BUSY', `QEMU did not answer ${command} within ${seconds} s`, {
    remedy: 'Look at the load of the host, then try again.',
  });
}

/** Whether a process holds the listening socket: the kernel knows, whatever the process is doing. */
export async function isSocketHeld(socketPath: string): Promise<boolean> {
  const socket = connect(socketPath);
  try {
    await once(socket, 'connect');
    return true;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code !== 'ECONNREFUSED' && code !== 'ENOENT';
  } finally {
    socket.destroy();
  }
}
