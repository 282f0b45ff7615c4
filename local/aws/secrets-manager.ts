/** Secrets Manager, as far as the project calls it: in memory, with the two staging labels that rotation moves. */
import { randomBytes, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { startLoopbackServer } from '../loopback-server.ts';
import { localArn } from './account.ts';
import { AwsFault, awsJsonListener, operation } from './aws-json.ts';

interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly createdDate: number;
  /** Newest last: it is AWSCURRENT, the one before it AWSPREVIOUS. */
  readonly versions: { readonly id: string; readonly text: string; readonly createdDate: number }[];
}

const name = z.string().regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/);
const secretString = z.string().min(1).max(65_536);
const createInput = z.object({ Name: name, SecretString: secretString.optional() });
const putInput = z.object({ SecretId: z.string(), SecretString: secretString });
const describeInput = z.object({ SecretId: z.string() });
/** At once: to wait for a time of grace is not served here. */
const deleteInput = z.object({ SecretId: z.string(), ForceDeleteWithoutRecovery: z.literal(true) });
const getInput = z.object({
  SecretId: z.string(),
  VersionId: z.string().optional(),
  VersionStage: z.enum(['AWSCURRENT', 'AWSPREVIOUS']).optional(),
});

export interface SecretsManager {
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Serves the operations below on a loopback port. */
export async function startSecretsManager(): Promise<SecretsManager> {
  const secrets = new Map<string, Secret>();
  const find = (id: string) => secrets.get(id) ?? [...secrets.values()].find((secret) => secret.arn === id);
  const missing = new AwsFault('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");

  const server = await startLoopbackServer(
    awsJsonListener({
      targetPrefix: 'secretsmanager',
      operations: {
        CreateSecret: operation(createInput, ({ Name, SecretString }) => {
          if (secrets.has(Name)) return new AwsFault('ResourceExistsException', `A secret ${Name} already exists.`);
          const secret: Secret = { name: Name, arn: arnOf(Name), createdDate: epochSeconds(), versions: [] };
          secrets.set(Name, secret);
          return {
            ...identity(secret),
            ...(SecretString === undefined ? {} : { VersionId: add(secret, SecretString) }),
          };
        }),
        PutSecretValue: operation(putInput, ({ SecretId, SecretString }) => {
          const secret = find(SecretId);
          if (secret === undefined) return missing;
          return { ...identity(secret), VersionId: add(secret, SecretString), VersionStages: ['AWSCURRENT'] };
        }),
        DescribeSecret: operation(describeInput, ({ SecretId }) => {
          const secret = find(SecretId);
          return secret === undefined ? missing : { ...identity(secret), CreatedDate: secret.createdDate };
        }),
        DeleteSecret: operation(deleteInput, ({ SecretId }) => {
          const secret = find(SecretId);
          if (secret === undefined) return missing;
          secrets.delete(secret.name);
          return { ...identity(secret), DeletionDate: epochSeconds() };
        }),
        GetSecretValue: operation(getInput, ({ SecretId, VersionId, VersionStage = 'AWSCURRENT' }) => {
          const secret = find(SecretId);
          const version =
            VersionId === undefined
              ? secret?.versions.at(VersionStage === 'AWSCURRENT' ? -1 : -2)
              : secret?.versions.find(({ id }) => id === VersionId);
          if (secret === undefined || version === undefined) return missing;
          return {
            ...identity(secret),
            VersionId: version.id,
            SecretString: version.text,
            VersionStages: stagesOf(secret, version.id),
            CreatedDate: version.createdDate,
          };
        }),
      },
    }),
  );
  return { endpoint: server.url, close: () => server.close() };
}

function add(secret: Secret, text: string): string {
  const id = randomUUID();
  secret.versions.push({ id, text, createdDate: epochSeconds() });
  return id;
}

function stagesOf(secret: Secret, versionId: string): string[] {
  if (secret.versions.at(-1)?.id === versionId) return ['AWSCURRENT'];
  return secret.versions.at(-2)?.id === versionId ? ['AWSPREVIOUS'] : [];
}

const identity = (secret: Secret) => ({ ARN: secret.arn, Name: secret.name });
const arnOf = (secretName: string) =>
  localArn('secretsmanager', `secret:${secretName}-${randomBytes(3).toString('hex')}`);
const epochSeconds = () => Math.floor(Date.now() / 1_000);
