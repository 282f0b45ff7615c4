/** The key that enrollment tokens are derived with: CloudFormation makes it in Secrets Manager, and no person sees it. */
import { createHmac } from 'node:crypto';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import type { EnrollmentSecrets } from '../ports.ts';

/** Less than that was not made by CloudFormation. */
const MIN_KEY_CHARACTERS = 43;

export class SecretsManagerEnrollmentSecrets implements EnrollmentSecrets {
  readonly #client = new SecretsManagerClient({});
  readonly #secretId: string;
  #key: string | undefined;

  constructor(secretId: string) {
    this.#secretId = secretId;
  }

  async derive(registrationId: string): Promise<string> {
    this.#key ??= await this.#readKey();
    return createHmac('sha256', this.#key).update(`edgeboot enrollment ${registrationId}`).digest('base64url');
  }

  async #readKey(): Promise<string> {
    const answer = await this.#client
      .send(new GetSecretValueCommand({ SecretId: this.#secretId }))
      .catch((cause: unknown) => {
        throw new EdgebootError('SERVICE_UNAVAILABLE', `no enrollment token can be made: ${messageOf(cause)}`, {
          cause,
        });
      });
    const key = answer.SecretString ?? '';
    if (key.length < MIN_KEY_CHARACTERS) throw new Error('the key of enrollment tokens is too short');
    return key;
  }
}
