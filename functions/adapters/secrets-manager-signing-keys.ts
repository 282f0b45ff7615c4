/**
 * The CloudFront private key in Secrets Manager: `{"keyPairId": "…", "privateKeyPem": "…"}`. Read for each grant and never kept: once it
 * is changed, nothing is signed by the old one (docs/decisions/0063).
 */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import type { SigningKeys } from '../ports.ts';

const secretSchema = z.object({ keyPairId: z.string().min(1), privateKeyPem: z.string().min(1) });

export class SecretsManagerSigningKeys implements SigningKeys {
  readonly #client = new SecretsManagerClient({});
  readonly #secretId: string;

  constructor(secretId: string) {
    this.#secretId = secretId;
  }

  async current(): Promise<z.infer<typeof secretSchema>> {
    const answer = await this.#client.send(new GetSecretValueCommand({ SecretId: this.#secretId }));
    return secretSchema.parse(JSON.parse(answer.SecretString ?? '{}'));
  }
}
