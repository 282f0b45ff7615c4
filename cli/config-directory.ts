/** The member's own files: `$EDGEBOOT_CONFIG_DIRECTORY`, or `edgeboot` in `$XDG_CONFIG_HOME`, or `~/.config/edgeboot`. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

export function configFile(name: string): string {
  const base = process.env['XDG_CONFIG_HOME'] ?? path.join(homedir(), '.config');
  return path.join(process.env['EDGEBOOT_CONFIG_DIRECTORY'] ?? path.join(base, 'edgeboot'), name);
}

/** `undefined` where there is no such file. */
export async function readConfigFile(name: string): Promise<string | undefined> {
  try {
    return await readFile(configFile(name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Readable by its owner alone, replaced in one step. */
export async function writeConfigFile(name: string, content: string): Promise<void> {
  const file = configFile(name);
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await chmod(`${file}.new`, 0o600);
  await rename(`${file}.new`, file);
}
