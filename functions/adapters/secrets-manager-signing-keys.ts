/** The CloudFront private key in Secrets Manager: `{"keyPairId": "…", "privateKeyPem": "…"}`. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as z from 'zod';
import type { SigningKeys } from '../ports.ts';

const secretSchema = z.object({ keyPairId: z.string().min(1), privateKeyPem: z.string().min(1) });
type SigningKey = z.infer<typeof secretSchema>;

/** A rotated key is in use at the latest after this long. */
const KEPT_MS = 60_000;

export class SecretsManagerSigningKeys implements SigningKeys {
  readonly #client = new SecretsManagerClient({});
  readonly #secretId: string;
  #kept: { key: SigningKey; readAt: number } | undefined;

  constructor(secretId: string) {
    this.#secretId = secretId;
  }

  async current(): Promise<SigningKey> {
    const now = Date.now();
    if (this.#kept !== undefined && now - this.#kept.readAt < KEPT_MS) return this.#kept.key;
    const answer = await this.#client.send(new GetSecretValueCommand({ SecretId: this.#secretId }));
    const key = secretSchema.parse(JSON.parse(answer.SecretString ?? '{}'));
    this.#kept = { key, readAt: now };
    return key;
  }
}
