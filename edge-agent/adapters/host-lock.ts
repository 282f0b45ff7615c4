/**
 * Locks between processes of this host: abstract Unix sockets, which the kernel gives up by itself when their process ends, however
 * it ends. Who waits for one is connected to its holder: the end of that connection is the news.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type Release = () => Promise<void>;

/** @returns `undefined` where somebody else has it. */
export async function tryHoldLock(name: string): Promise<Release | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => undefined).once('close', () => waiting.delete(socket));
  });
  server.listen(addressOf(name));
  try {
    await once(server, 'listening');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  }
  server.unref();
  return async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of waiting) socket.destroy();
    await closed;
  };
}

/** Waits until nobody else has it. Throws the signal's reason when it was aborted. */
export async function holdLock(name: string, signal?: AbortSignal): Promise<Release> {
  for (;;) {
    signal?.throwIfAborted();
    const release = await tryHoldLock(name);
    if (release !== undefined) return release;
    await holderGone(name, signal);
  }
}

/** One at a time, in whichever process of this host. */
export async function inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
  const release = await holdLock(name);
  try {
    return await work();
  } finally {
    await release();
  }
}

function holderGone(name: string, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(addressOf(name));
    const stop = (): void => void socket.destroy();
    signal?.addEventListener('abort', stop);
    // It may have been aborted before anybody listened.
    if (signal?.aborted) stop();
    socket.on('error', () => undefined).resume();
    socket.once('close', () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
  });
}

const addressOf = (name: string): string =>
  `\0edgeboot-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
