/**
 * Whose images a repository has: without a federation nobody vouches for a publisher's key, so the key that signed an image at first
 * sight is kept, as ssh keeps a host's; later versions must bear its signature, and never be older.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';
import { ensureDirectory, readIfThere, replaceFile } from '../durable-files.ts';

const pinSchema = z.strictObject({
  repository: z.string(),
  publicKeyPem: z.string(),
  /** The newest one seen. */
  version: z.int().positive(),
  firstSeenAt: z.iso.datetime(),
});
export type PublisherPin = z.infer<typeof pinSchema>;

export interface Sighting extends Omit<PublisherPin, 'firstSeenAt'> {
  readonly name: string;
  readonly acceptChanges: boolean;
}

export interface PinPorts {
  readonly pinsDirectory: string;
  /** Between all processes of this host. */
  readonly holdLock: (name: string, signal: AbortSignal) => Promise<() => Promise<void>>;
}

/**
 * @returns what to tell a person; `undefined` when all is as before.
 * @throws EdgebootError MANIFEST_UNTRUSTED where the key is another or the version older, unless that is accepted.
 */
export async function checkPublisher(
  sighting: Sighting,
  { pinsDirectory, holdLock }: PinPorts,
  signal: AbortSignal,
): Promise<string | undefined> {
  // The same repository with a slash at its end and without, as for pins of the older kind.
  const repository = sighting.repository.replace(/\/+$/, '');
  const folder = path.join(pinsDirectory, createHash('sha256').update(repository).digest('hex'));
  const file = path.join(folder, `${sighting.name}.publisher.json`);
  // Two who see it for the first time at once would otherwise both trust, each another key.
  const release = await holdLock(`publisher pin ${file}`, signal);
  try {
    return await holdAgainst(file, sighting);
  } finally {
    await release();
  }
}

async function holdAgainst(file: string, sighting: Sighting): Promise<string | undefined> {
  const { repository, name, publicKeyPem, version, acceptChanges } = sighting;
  const pin = await readPin(file);
  if (pin?.publicKeyPem === publicKeyPem && pin.version === version) return undefined;

  const change = pin && describeChange(pin, sighting);
  if (change !== undefined && !acceptChanges) {
    throw new EdgebootError('MANIFEST_UNTRUSTED', `${name} of ${repository} ${change}`, {
      remedy: 'Find out why. If it is right, repeat the command with --accept-changes.',
    });
  }
  await ensureDirectory(path.dirname(file), 0o700);
  const firstSeenAt = change === undefined && pin ? pin.firstSeenAt : new Date().toISOString();
  await replaceFile(file, Buffer.from(JSON.stringify({ repository, publicKeyPem, version, firstSeenAt })), 0o600);
  if (pin === undefined) return `${name} is seen for the first time: the key of its publisher is kept from now on`;
  return change === undefined ? undefined : `${name}: accepted, though it ${change}`;
}

/** Throws INVALID_CONFIG where it cannot be read: then nothing is trusted anew. */
async function readPin(file: string): Promise<PublisherPin | undefined> {
  const text = await readIfThere(file);
  if (text === undefined) return undefined;
  try {
    return pinSchema.parse(JSON.parse(text.toString()));
  } catch (cause) {
    throw new EdgebootError('INVALID_CONFIG', `${file}, the pin of a publisher's key, is damaged`, {
      remedy:
        'Remove it only if you know that the repository is as it was: the next key is then trusted at first sight.',
      cause,
    });
  }
}

function describeChange(pin: PublisherPin, sighting: Sighting): string | undefined {
  if (pin.publicKeyPem !== sighting.publicKeyPem) {
    return `is signed with another key than on ${pin.firstSeenAt}, when it was first seen`;
  }
  return sighting.version < pin.version ? `is version ${sighting.version}, older than ${pin.version}` : undefined;
}
