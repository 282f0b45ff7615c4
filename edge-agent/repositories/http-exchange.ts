/** One exchange over HTTP whose answer is taken as it arrives, in the very memory that it was read into. */
import type { Dispatcher } from 'undici';
import type { Headers } from './http-answer.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD';
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
}

/** Who takes a body. What it throws ends the connection, and is what the exchange throws. */
export interface BodyTaker<T> {
  /** The next bytes, which are its own until it returns only. A promise makes the server wait. */
  take(bytes: Buffer): Promise<unknown> | undefined;
  /** Whether nothing more is wanted, though there may be more: that ends the connection, too. */
  isSated?(): boolean;
  /** Called once, when the body has ended. */
  end(): T;
}

/**
 * Follows no redirect. Throws whatever the network throws, and the signal's reason.
 * @param begin called with the head of the answer
 */
export function exchange<T>(
  url: string,
  { method, headers, dispatcher, signal }: HttpRequest,
  begin: (statusCode: number, headers: Headers) => BodyTaker<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    let controller: Dispatcher.DispatchController | undefined;
    let taker: BodyTaker<T> | undefined;
    const abort = (): void => {
      // It may be waiting for a connection still.
      fail(signal.reason);
      controller?.abort(signal.reason as Error);
    };
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', abort);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is the caller's own, or the network's
      reject(error);
    };
    const succeed = (): void => {
      signal.removeEventListener('abort', abort);
      if (taker !== undefined) resolve(taker.end());
    };
    signal.addEventListener('abort', abort, { once: true });

    const { origin, pathname, search } = new URL(url);
    // undici closes the connection after every HEAD unless told otherwise.
    const options = { origin, path: pathname + search, method, headers, reset: false } as const;
    dispatcher.dispatch(options, {
      onRequestStart(started) {
        controller = started;
        if (signal.aborted) started.abort(signal.reason as Error);
      },
      onResponseStart(_, statusCode, answerHeaders) {
        if (statusCode >= 200) taker = begin(statusCode, answerHeaders);
      },
      onResponseData(body, bytes) {
        // Going on after a pause gives an empty piece: to pause for it would never end.
        if (bytes.length === 0) return;
        const wait = taker?.take(bytes);
        if (taker?.isSated?.() === true) {
          succeed();
          body.abort(new Error('the rest is not wanted'));
        } else if (wait !== undefined) {
          body.pause();
          wait.then(
            () => body.resume(),
            (error: unknown) => body.abort(error as Error),
          );
        }
      },
      onResponseEnd: succeed,
      onResponseError(_, error) {
        fail(error);
      },
    });
  });
}
