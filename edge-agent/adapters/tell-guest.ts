/**
 * Tells a running guest with the guest kit that the cluster changed: `VC-OUT <base64>` on its virtio-serial port. It answers READY
 * with the SHA-256 of the document that it has applied.
 */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { hasCode } from '#shared/errors.ts';

/**
 * @param readySocket of the node's port.
 * @returns false when nobody there has applied it in time: a guest without the kit reads its document at its next boot.
 */
export async function tellGuest(
  readySocket: string,
  document: string,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<boolean> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]);
  const socket = connect(readySocket);
  const lines = createInterface({ input: socket.on('error', () => lines.close()) });
  const stop = (): void => lines.close();
  until.addEventListener('abort', stop);
  try {
    await once(socket, 'connect', { signal: until });
    socket.write(`VC-OUT ${Buffer.from(document).toString('base64')}\n`);
    const wanted = `READY ${hash('sha256', document)}`;
    for await (const line of lines) if (line.trimEnd() === wanted) return true;
  } catch (error) {
    // Nobody listens, or time was up while it was tried: no news.
    if (hasCode(error)) throw error;
  } finally {
    until.removeEventListener('abort', stop);
    socket.destroy();
  }
  signal.throwIfAborted();
  return false;
}
