/** The key that all agents of a site share, in a file for its owner alone. */
import { open } from 'node:fs/promises';
import { EdgebootError } from '#shared/errors.ts';
import { networkCode } from '../repositories/http-get.ts';

const LEAST_CHARACTERS = 32;
const MOST_BYTES = 4096;
const OTHERS = 0o077;
const REMEDY = 'Make one for all agents of the site: (umask 077; openssl rand -hex 32 > FILE)';

/** Throws INVALID_CONFIG where it cannot be read, others may read it, or it is too short. */
export async function readPeerKey(file: string): Promise<Buffer> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw invalid(`${file} cannot be read (${networkCode(cause)})`);
  });
  await using opened = handle;
  const { mode, size } = await opened.stat();
  if ((mode & OTHERS) !== 0) throw invalid(`others than its owner may read ${file}`, `chmod 600 ${file}`);
  if (size > MOST_BYTES) throw invalid(`${file} is too long for a key`);
  const key = (await opened.readFile('latin1')).trim();
  if (key.length < LEAST_CHARACTERS) throw invalid(`${file} has fewer than ${LEAST_CHARACTERS} characters`);
  return Buffer.from(key, 'latin1');
}

function invalid(what: string, remedy = REMEDY): EdgebootError {
  return new EdgebootError('INVALID_CONFIG', `peers.keyFile: ${what}`, { remedy });
}
