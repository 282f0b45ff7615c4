/** The key pair of an enrollment that is not answered yet, in the state directory: a token is good for one key only. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { newKeyPair } from '#shared/keys.ts';
import * as z from 'zod';
import { readIfThere, removeFile, replaceFile, syncFolderOf } from './durable-files.ts';

type KeyPair = ReturnType<typeof newKeyPair>;

const keptSchema = z.strictObject({
  /** Which token it is for; not the token itself. */
  tokenSha256: z.string(),
  privateKeyPem: z.string(),
  publicKeyPem: z.string(),
});

const fileIn = (stateDirectory: string): string => path.join(stateDirectory, 'enrolling.json');

/** The pair that was made for this token before, or a new one, which then is kept. Throws DISK_FULL. */
export async function keyPairFor(token: string, stateDirectory: string): Promise<KeyPair> {
  const tokenSha256 = createHash('sha256').update(token).digest('hex');
  const kept = await readKept(stateDirectory);
  if (kept?.tokenSha256 === tokenSha256) return kept;
  const pair = newKeyPair();
  const file = fileIn(stateDirectory);
  await replaceFile(file, Buffer.from(JSON.stringify({ tokenSha256, ...pair })), 0o600);
  await syncFolderOf(file);
  return pair;
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
