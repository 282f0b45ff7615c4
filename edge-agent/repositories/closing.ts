/** The end of a source: whoever still waits for it is told so at once, retries included. Outside every other wrapper. */
import { EdgebootError } from '#shared/errors.ts';
import type { PartSource } from '../ports.ts';

export interface ClosableSource extends PartSource, AsyncDisposable {
  /** Requests under way, and later ones, fail with CANCELED. */
  close(): Promise<void>;
}

/** @param release ends what is behind the source */
export function closing(source: PartSource, release: () => Promise<void>): ClosableSource {
  const closed = new AbortController();
  let releasing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    closed.abort(new EdgebootError('CANCELED', 'The repository was closed.'));
    await (releasing ??= release());
  };
  return {
    async fetch(request, signal) {
      const either = AbortSignal.any([signal, closed.signal]);
      either.throwIfAborted();
      return source.fetch(request, either);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
