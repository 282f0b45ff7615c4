/** How a driver stops nodes: first the guests are asked, then the power is taken. */
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_SECONDS = 0.25;

export interface StoppableNodes<Node> {
  /** Those that are on now. */
  running(): Promise<readonly Node[]>;
  /** Comes back at once. A node that has ended meanwhile is fine. */
  pressPowerButton(node: Node): Promise<unknown>;
  /** Comes back when it is off. A node that has ended meanwhile is fine. */
  turnOff(node: Node): Promise<unknown>;
}

/** Throws the signal's reason when it is aborted: what is on then stays on, or ends by itself. */
export async function stopNodes<Node>(
  graceSeconds: number,
  signal: AbortSignal,
  nodes: StoppableNodes<Node>,
): Promise<void> {
  const deadline = performance.now() + graceSeconds * 1000;
  let running = await nodes.running();
  for (const node of running) {
    signal.throwIfAborted();
    await nodes.pressPowerButton(node);
  }
  while (running.length > 0 && performance.now() < deadline) {
    await delay(LOOK_AGAIN_SECONDS * 1000, undefined, { signal }).catch(() => undefined);
    signal.throwIfAborted();
    running = await nodes.running();
  }
  for (const node of running) {
    signal.throwIfAborted();
    await nodes.turnOff(node);
  }
}
