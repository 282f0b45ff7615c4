/** The calls to AWS that were seen, by who made them. */
import { AwsFault } from '../../local/aws/aws-json.ts';
import type { AwsCall } from '../../local/aws/calls.ts';

export class WatchedCalls {
  readonly #calls = new Map<string, AwsCall[]>();

  /**
   * Remembers a call. Anybody's first audit record may be the day's first: the stream is not there when it is written, and whoever
   * writes it has to make the stream.
   */
  readonly watch = (call: AwsCall): AwsFault | undefined => {
    const earlier = this.#calls.get(call.caller) ?? [];
    this.#calls.set(call.caller, [...earlier, call]);
    const isFirst = call.action === 'logs:PutLogEvents' && !earlier.some(({ action }) => action === call.action);
    return isFirst ? new AwsFault('ResourceNotFoundException', 'The specified log stream does not exist.') : undefined;
  };

  /** A function, by the name that serverless.yml gives it, or an access key of a session. */
  of(caller: string): readonly AwsCall[] {
    return this.#calls.get(caller) ?? [];
  }

  all(): readonly AwsCall[] {
    return [...this.#calls.values()].flat();
  }
}
