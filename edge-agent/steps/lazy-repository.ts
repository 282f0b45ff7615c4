/** A repository that is opened (its edges found and measured) only when something has to be fetched. */
import type { PartSource } from '../ports.ts';

export type OpenRepository = () => Promise<PartSource & AsyncDisposable>;

export class LazyRepository implements PartSource, AsyncDisposable {
  readonly #open: OpenRepository;
  #opened: ReturnType<OpenRepository> | undefined;

  constructor(open: OpenRepository) {
    this.#open = open;
  }

  async fetch(...[request, signal]: Parameters<PartSource['fetch']>) {
    this.#opened ??= this.#open();
    return (await this.#opened).fetch(request, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.[Symbol.asyncDispose]();
  }
}
