/**
 * The road between the viewers and one edge location: a round trip and a bandwidth, both on real time.
 *
 * Loopback has no distance, so it is made at the server. Each request waits one round trip before the edge looks at it, and the first
 * request of a connection waits one more, which stands for the TCP handshake. Every answer is delayed alike, a 403 to an unsigned
 * HEAD too: timing such a HEAD measures the round trip (twice it on a new connection), whatever the edge then says.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_CHUNK_BYTES = 64 * 1024;
/** Bodies are paced in steps of about this long. */
const STEP_SECONDS = 0.02;

export class Link {
  readonly #latencyMs: number;
  readonly #bytesPerSecond: number | undefined;
  readonly #greeted = new WeakSet<Socket>();
  /** When what is already promised will have been sent (performance.now). All bodies of the location share the bandwidth. */
  #freeAtMs = 0;

  /** @param bytesPerSecond undefined: as fast as the machine can. */
  constructor(latencyMs: number, bytesPerSecond: number | undefined) {
    this.#latencyMs = latencyMs;
    this.#bytesPerSecond = bytesPerSecond;
  }

  async roundTrip(socket: Socket, signal: AbortSignal): Promise<void> {
    const trips = this.#greeted.has(socket) ? 1 : 2;
    this.#greeted.add(socket);
    if (this.#latencyMs > 0) await sleep(trips * this.#latencyMs, undefined, { signal });
  }

  /** Sends the body and ends the response. */
  async send(response: ServerResponse, body: Buffer, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === undefined) {
      response.end(body);
      return;
    }
    const chunkBytes = Math.min(MAX_CHUNK_BYTES, Math.max(1, Math.round(this.#bytesPerSecond * STEP_SECONDS)));
    for (let sent = 0; sent < body.length; sent += chunkBytes) {
      const chunk = body.subarray(sent, sent + chunkBytes);
      this.#freeAtMs = Math.max(this.#freeAtMs, performance.now()) + (chunk.length / this.#bytesPerSecond) * 1000;
      await sleep(this.#freeAtMs - performance.now(), undefined, { signal });
      if (!response.write(chunk)) await once(response, 'drain', { signal });
    }
    response.end();
  }
}
