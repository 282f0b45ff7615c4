/** The key pair of an enrollment that is not answered yet, in the state directory: a token is good for one key only. */
import { createPublicKey } from 'node:crypto';
import path from 'node:path';
import { type KeyPair, newKeyPair } from '#shared/keys.ts';
import * as z from 'zod';
import { readIfThere, removeFile, replaceFile, syncFolderOf } from './durable-files.ts';
import type { AgentIdentity } from './identity.ts';

const keptSchema = z.strictObject({
  /** Which token it is for; not the token itself. */
  tokenSha256: z.string(),
  privateKeyPem: z.string(),
  publicKeyPem: z.string(),
});

const fileIn = (stateDirectory: string): string => path.join(stateDirectory, 'enrolling.json');

/** The pair that was made for this token before, be it the agent's by now, or a new one, which then is kept. Throws DISK_FULL. */
export async function keyPairFor(
  tokenSha256: string,
  stateDirectory: string,
  identity: Pick<AgentIdentity, 'privateKeyPem' | 'tokenSha256'> | undefined,
): Promise<KeyPair> {
  if (identity?.tokenSha256 === tokenSha256) return pairOf(identity.privateKeyPem);
  const kept = await readKept(stateDirectory);
  if (kept?.tokenSha256 === tokenSha256) return kept;
  const pair = newKeyPair();
  const file = fileIn(stateDirectory);
  await replaceFile(file, Buffer.from(JSON.stringify({ tokenSha256, ...pair })), 0o600);
  await syncFolderOf(file);
  return pair;
}

function pairOf(privateKeyPem: string): KeyPair {
  const publicKeyPem = createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString();
  return { privateKeyPem, publicKeyPem };
}

/** Once it is part of the agent's identity. */
export const forgetKeyPair = (stateDirectory: string): Promise<void> => removeFile(fileIn(stateDirectory));

/** A damaged file is none: replacing a file is one step, so nothing of ours has damaged it. */
async function readKept(stateDirectory: string): Promise<z.infer<typeof keptSchema> | undefined> {
  const text = (await readIfThere(fileIn(stateDirectory)))?.toString();
  try {
    return text === undefined ? undefined : keptSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
