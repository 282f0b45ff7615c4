/** A repository that is opened (its edges found and measured) only when something has to be fetched. */
import type { Grant } from '#shared/grant.ts';
import type { PartSource } from '../ports.ts';
import { GrantHolder } from '../repositories/grant-holder.ts';
import type { EdgeChoice } from '../repositories/nearest-edge.ts';

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

export interface DistributionPorts {
  /** Opens the federation's distribution for one image, nearest edge first. */
  readonly openRepository: (grants: GrantHolder, choice: EdgeChoice, signal: AbortSignal) => ReturnType<OpenRepository>;
}

/** Opened when something has to be fetched; where the message brought no grant, with one that is asked for then. */
export function distribution(
  grant: Grant | undefined,
  renew: () => Promise<Grant>,
  choice: EdgeChoice,
  signal: AbortSignal,
  { openRepository }: DistributionPorts,
): LazyRepository {
  return new LazyRepository(async () =>
    openRepository(new GrantHolder(grant ?? (await renew()), renew), choice, signal),
  );
}
