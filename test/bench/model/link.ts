/** A link that several connections share: one byte after the other, with a queue before it. Pure. */

export interface LinkParameters {
  readonly bytesPerSecond: number;
  /** What waits before the link. What comes when it is full is lost. */
  readonly queueBytes: number;
}

export class Link {
  readonly #parameters: LinkParameters;
  #freeAtMs = 0;

  constructor(parameters: LinkParameters) {
    this.#parameters = parameters;
  }

  /** @returns when the last of these bytes has left the link; `undefined` where they are lost. */
  send(nowMs: number, sizeBytes: number): number | undefined {
    const { bytesPerSecond, queueBytes } = this.#parameters;
    const bytesPerMs = bytesPerSecond / 1000;
    const beginsAtMs = Math.max(nowMs, this.#freeAtMs);
    if ((beginsAtMs - nowMs) * bytesPerMs > queueBytes) return undefined;
    this.#freeAtMs = beginsAtMs + sizeBytes / bytesPerMs;
    return this.#freeAtMs;
  }
}
