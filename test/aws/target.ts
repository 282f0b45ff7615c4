/** Where a verification runs: an account of AWS, or the embedded cloud. What only one of them can do is behind this. */
import type { LookupFunction } from 'node:net';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { AwsClients } from '../../local/aws/services.ts';
import type { StageNames } from './names.ts';

/** What the stack is deployed with. */
export interface StackSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly rootPublicKeyPem: string;
  readonly signingPublicKeyPem: string;
}

export interface Deployed {
  readonly apiUrl: string;
  /** Scheme and host. */
  readonly distributionUrl: string;
  /** As the distribution names the public key that it was given. */
  readonly signingKeyId: string;
}

export interface Target {
  readonly stage: string;
  readonly account: string;
  readonly region: string;
  /** The ARN of whose credentials these are. */
  readonly caller: string;
  readonly names: StageNames;
  /** For everything that the stage keeps: the same calls everywhere. */
  readonly clients: AwsClients;
  /** DNS servers that the agent asks for edges beside the system's own, and how a request of our own finds one. */
  readonly resolvers: readonly string[];
  readonly lookup: LookupFunction | undefined;
  /** How long what is deleted may still be shown. */
  readonly settleSeconds: number;
  hasStack(): Promise<boolean>;
  /** The authorizer reads the keys of members' tokens from where `signTokenKeysUrl` says, in the stage's own bucket. */
  deploy(settings: StackSettings, signal: AbortSignal): Promise<Deployed>;
  /** All that goes with the stack; nothing there is fine. Resolves when it is gone. */
  removeStack(): Promise<void>;
}

/** Outside `images/`: the distribution does not serve it. */
export const TOKEN_KEYS_OBJECT = 'verify/jwks.json';
/** Longer than any run; temporary credentials may end earlier, and with them the URL. */
const TOKEN_KEYS_SECONDS = 6 * 3600;

/** Signed without a word to S3: bucket and object need not be there yet (docs/decisions/0048-verify-brings-its-own-issuer.md). */
export const signTokenKeysUrl = (s3: S3Client, bucket: string): Promise<string> =>
  getSignedUrl(s3, new GetObjectCommand({ Bucket: bucket, Key: TOKEN_KEYS_OBJECT }), { expiresIn: TOKEN_KEYS_SECONDS });
