/** Asks the mint function through the Lambda client. Only roles that may invoke it get this far. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { type Grant, grantSchema } from '#shared/grant.ts';
import type { MintRequest, UrlSigner } from '../ports.ts';

export class LambdaUrlSigner implements UrlSigner {
  readonly #client = new LambdaClient({});
  readonly #functionName: string;

  constructor(functionName: string) {
    this.#functionName = functionName;
  }

  /** Throws SERVICE_UNAVAILABLE where no grant comes back; the text never holds what the function answered. */
  async mint(request: MintRequest): Promise<Grant> {
    const answer = await this.#client
      .send(new InvokeCommand({ FunctionName: this.#functionName, Payload: JSON.stringify(request) }))
      .catch((error: unknown) => {
        throw new EdgebootError('SERVICE_UNAVAILABLE', `the mint function cannot be reached: ${messageOf(error)}`);
      });
    if (answer.FunctionError !== undefined) throw new EdgebootError('SERVICE_UNAVAILABLE', 'the mint function failed');
    return grantSchema.parse(JSON.parse(Buffer.from(answer.Payload ?? []).toString()));
  }
}
