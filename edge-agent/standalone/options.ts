/** The words of the commands' options become values. All throw USAGE. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { SSH_PUBLIC_KEY } from '#shared/names.ts';
import { parseSizeBytes } from '../core/size-text.ts';
import { readIfThere } from '../durable-files.ts';

const MIN_MEMORY_MIB = 16;
const MAX_MEMORY_MIB = 4 * 1024 * 1024;
const MAX_CPUS = 4096;

/** `N` or `FRONTEND:COMPUTE`, in MiB. */
export function parseMemory(text: string): { frontend: number; compute: number } {
  const numbers = text.split(':').map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : 0));
  const [frontend = 0, compute = frontend] = numbers;
  const isRight = (mebibytes: number): boolean => mebibytes >= MIN_MEMORY_MIB && mebibytes <= MAX_MEMORY_MIB;
  if (numbers.length <= 2 && isRight(frontend) && isRight(compute)) return { frontend, compute };
  throw new EdgebootError('USAGE', `${JSON.stringify(text)} is no memory size`, {
    remedy: 'For example: --memory 2048, or --memory 4096:2048 for frontend and computes, in MiB.',
  });
}

export function parseCount(text: string, what: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : -1;
  if (count >= 0 && count <= MAX_CPUS) return count;
  throw new EdgebootError('USAGE', `${JSON.stringify(text)} is no number of ${what}`, {
    remedy: `Give a whole number from 0 to ${MAX_CPUS}.`,
  });
}

/** In bytes. */
export function parseSize(text: string): number {
  const sizeBytes = parseSizeBytes(text);
  if (sizeBytes !== undefined) return sizeBytes;
  throw new EdgebootError('USAGE', `${JSON.stringify(text)} is no size`, {
    remedy: 'For example: 50 GiB, 500M, 2 TB; a bare number is in GiB.',
  });
}

const DEFAULT_KEYS = ['id_ed25519.pub', 'id_ecdsa.pub', 'id_rsa.pub'];

/** The public keys in a file; without one, the caller's own. */
export async function readPublicKeys(file: string | undefined): Promise<string[]> {
  const found = file === undefined ? await findOwnKey() : { file, text: await read(file) };
  const lines = found.text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.some((key) => /PRIVATE KEY/.test(key))) {
    throw new EdgebootError('USAGE', `${found.file} is a private key`, { remedy: 'Give the public one: FILE.pub' });
  }
  if (keys.length === 0 || !keys.every((key) => SSH_PUBLIC_KEY.safeParse(key).success)) {
    throw new EdgebootError('USAGE', `${found.file} holds something else than OpenSSH public keys`, {
      remedy: 'One key a line, without options: ssh-ed25519 AAAA… comment',
    });
  }
  return keys;
}

async function findOwnKey(): Promise<{ file: string; text: string }> {
  for (const name of DEFAULT_KEYS) {
    const file = path.join(homedir(), '.ssh', name);
    const content = await readIfThere(file);
    if (content !== undefined) return { file, text: content.toString() };
  }
  throw new EdgebootError('USAGE', 'there is no public key to let you in', {
    remedy: `Give one with --key FILE, or make one: ssh-keygen -t ed25519 (looked for ${DEFAULT_KEYS.join(', ')})`,
  });
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new EdgebootError('USAGE', `cannot read the key: ${messageOf(error)}`);
  }
}
