/** The grant that all requests of one image use now, and its renewal: one at a time, for everybody. */
import type { Grant } from '#shared/grant.ts';

export class GrantHolder {
  readonly #renew: () => Promise<Grant>;
  #grant: Grant;
  #renewing: Promise<void> | undefined;

  /** @param renew asks the API for a new grant */
  constructor(grant: Grant, renew: () => Promise<Grant>) {
    this.#grant = grant;
    this.#renew = renew;
  }

  current(): Grant {
    return this.#grant;
  }

  /**
   * Resolves when there is another grant than `refused`: at once where somebody has renewed it already, else with the renewal
   * that is under way, else with one of its own. Throws what the renewal throws.
   */
  async replace(refused: Grant): Promise<void> {
    if (this.#grant !== refused) return;
    this.#renewing ??= this.#renewOnce();
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    try {
      this.#grant = await this.#renew();
    } finally {
      this.#renewing = undefined;
    }
  }
}
