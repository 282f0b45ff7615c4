/** Services of the embedded cloud in trouble while a test wants them to be: what no caller of the API can bring about. */
import { AwsFault } from '../../local/aws/aws-json.ts';
import type { CallWatcher } from '../../local/aws/call-watch.ts';
import { type AwsCall, LEADING_KEYS } from '../../local/aws/calls.ts';

/**
 * `race`: whoever writes to the table meets another writer, each time. `outage`: table and trail are not there. `busy`: they give no answer
 * for now. `throttled`: the trail is asked too often. `unsigned`: no URL is signed. In none of them the authorizer or the rate limit is troubled: they would answer in the operation's stead.
 */
export type Trouble = 'race' | 'outage' | 'busy' | 'throttled' | 'unsigned';

const isRead = (action: string): boolean => action.startsWith('dynamodb:') || action === TRAIL;

const TRAIL = 'logs:FilterLogEvents';
const FAULTS: Readonly<Record<Trouble, (call: AwsCall) => AwsFault | undefined>> = {
  race: ({ action }) =>
    /^dynamodb:(?:PutItem|UpdateItem|DeleteItem)$/.test(action)
      ? new AwsFault('TransactionConflictException', 'Transaction is ongoing for the item')
      : undefined,
  outage: ({ action }) => (isRead(action) ? new AwsFault('ResourceNotFoundException', 'not found') : undefined),
  // On AWS this comes with status 500, which an SDK tries again for a while; here it is told at once.
  busy: ({ action }) => (action.startsWith('dynamodb:') ? new AwsFault('InternalServerError', 'try again') : undefined),
  throttled: ({ action }) => (action === TRAIL ? new AwsFault('ThrottlingException', 'Rate exceeded') : undefined),
  unsigned: ({ action }) =>
    action === 'lambda:InvokeFunction' ? new AwsFault('ResourceNotFoundException', 'Function not found') : undefined,
};

function isSpared({ caller, context }: AwsCall): boolean {
  const keys = context[LEADING_KEYS] ?? [];
  return caller === 'authorizeRequest' || (keys.length > 0 && keys.every((key) => /^(?:RATE#|OUTBOX$)/.test(key)));
}

export class TroubledServices {
  #trouble: Trouble | undefined;

  readonly watch: CallWatcher = (call) =>
    this.#trouble === undefined || isSpared(call) ? undefined : FAULTS[this.#trouble](call);

  async during(trouble: Trouble, work: () => Promise<void>): Promise<void> {
    this.#trouble = trouble;
    try {
      await work();
    } finally {
      this.#trouble = undefined;
    }
  }
}
