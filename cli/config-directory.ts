/** The member's own files: `$EDGEBOOT_CONFIG_DIRECTORY`, or `edgeboot` in `$XDG_CONFIG_HOME`, or `~/.config/edgeboot`. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { EdgebootError, messageOf } from '#shared/errors.ts';

export function configFile(name: string): string {
  return path.join(configDirectory(), name);
}

/** An empty variable counts as absent; so does a relative `$XDG_CONFIG_HOME`, as the XDG base directory specification says. */
function configDirectory(): string {
  const own = process.env['EDGEBOOT_CONFIG_DIRECTORY'];
  if (own !== undefined && own !== '') return path.resolve(own);
  const base = process.env['XDG_CONFIG_HOME'];
  const isUsable = base !== undefined && path.isAbsolute(base);
  return path.join(isUsable ? base : path.join(homedir(), '.config'), 'edgeboot');
}

/** `undefined` where there is no such file. Throws INVALID_CONFIG where it cannot be read. */
export async function readConfigFile(name: string): Promise<string | undefined> {
  try {
    return await readFile(configFile(name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(error);
  }
}

/** Readable by its owner alone, replaced in one step. Throws INVALID_CONFIG where it cannot be written. */
export async function writeConfigFile(name: string, content: string): Promise<void> {
  const file = configFile(name);
  const fresh = `${file}.${randomUUID()}`;
  try {
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(fresh, content, { mode: 0o600, flag: 'wx' });
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => undefined);
    throw unusable(error);
  }
}

/** The system's words name the file. */
function unusable(error: unknown): EdgebootError {
  return new EdgebootError('INVALID_CONFIG', `your own files cannot be used: ${messageOf(error)}`, {
    remedy: `Make ${configDirectory()} readable and writable for you, or name another: EDGEBOOT_CONFIG_DIRECTORY.`,
    cause: error,
  });
}
