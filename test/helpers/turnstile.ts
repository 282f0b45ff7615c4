/** Holds back whoever comes, until a test lets them through. */
export class Turnstile {
  readonly #waiting: (() => void)[] = [];
  #isOpen = false;
  #whenWaiting: { readonly count: number; readonly resolve: () => void } | undefined;

  pass(): Promise<void> {
    if (this.#isOpen) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#waiting.push(() => {
      resolve(undefined);
    });
    this.#tell();
    return promise;
  }

  /** Resolves when so many are held. */
  async held(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#whenWaiting = {
      count,
      resolve: () => {
        resolve(undefined);
      },
    };
    this.#tell();
    await promise;
  }

  /** Those who are held now. */
  letThrough(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** Nobody is held any more. */
  open(): void {
    this.#isOpen = true;
    this.letThrough();
  }

  #tell(): void {
    if (this.#whenWaiting && this.#waiting.length >= this.#whenWaiting.count) this.#whenWaiting.resolve();
  }
}
