/** Who this agent is: made at enrollment, kept in the state directory, readable by its owner alone. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { SITE_ID } from '#shared/names.ts';
import * as z from 'zod';
import { replaceFile } from './durable-files.ts';

const identitySchema = z.strictObject({
  siteId: SITE_ID,
  /** This very agent, among those of its site. */
  agentId: z.string(),
  privateKeyPem: z.string(),
  /** The federation's root, pinned at enrollment. */
  rootPublicKeyPem: z.string(),
  /** What the API's tokens are made out to. */
  audience: z.string(),
  /** Digest of the token that it was enrolled with: the same command again is no other enrollment. */
  tokenSha256: z.string().optional(),
});
export type AgentIdentity = z.infer<typeof identitySchema>;

const fileIn = (stateDirectory: string): string => path.join(stateDirectory, 'identity.json');

/** Throws INVALID_CONFIG where the agent was never enrolled. */
export async function readIdentity(stateDirectory: string): Promise<AgentIdentity> {
  const text = await readFile(fileIn(stateDirectory), 'utf8').catch((error: unknown) => {
    throw new EdgebootError('INVALID_CONFIG', `this agent is not enrolled: ${fileIn(stateDirectory)} cannot be read`, {
      remedy: 'Ask the federation operator for a token, then run: edgeboot-agent enroll --config FILE TOKEN',
      cause: error,
    });
  });
  // The parser's words may quote the private key: they are not passed on.
  const identity = identitySchema.safeParse(parseJson(text)).data;
  if (identity !== undefined) return identity;
  throw new EdgebootError('INVALID_CONFIG', `${fileIn(stateDirectory)} is damaged`, {
    remedy: 'Restore it from a backup, or enroll this agent again with a new token.',
  });
}

export async function writeIdentity(stateDirectory: string, identity: AgentIdentity): Promise<void> {
  await replaceFile(fileIn(stateDirectory), Buffer.from(JSON.stringify(identity, null, 2)), 0o600);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
