/** `vcdb.txt`, the index of a repository: one `name,path/to/description` a line (formats, section 3). It comes from outside. */
import { EdgebootError } from '../errors.ts';
import { boundedText } from '../log-fields.ts';
import { LEGACY_NAME } from '../names.ts';
import { isPlainPath } from './part-path.ts';

export const VCDB_NAME = 'vcdb.txt';
export const MAX_VCDB_BYTES = 1024 * 1024;
const MAX_ENTRIES = 10_000;
/** What may stand before a plain path: a slash, or a scheme with a host and perhaps a port. */
const ADDRESS_OR_ROOT = /^(?:https?:\/\/[A-Za-z0-9.-]{1,253}(?::\d{1,5})?)?\//;

export interface VcdbEntry {
  readonly name: string;
  /** Relative to the repository, absolute on its server, or the http or https address of another host's file. */
  readonly path: string;
  /** A signed manifest of a native image, or the XML description of one of the older kind. */
  readonly kind: 'manifest' | 'description';
}

/** Blank lines and comments are left out. Throws IMAGE_NOT_COMPLIANT, naming the line. */
export function parseVcdb(bytes: Uint8Array): readonly VcdbEntry[] {
  if (bytes.length > MAX_VCDB_BYTES) throw refused(`has more than ${MAX_VCDB_BYTES} bytes`);
  const entries = new Map<string, VcdbEntry>();
  const text = new TextDecoder().decode(bytes);
  for (const [i, line] of text.split(/\r?\n|\r/).entries()) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const entry = parseLine(line);
    if (entry === undefined)
      throw refused(`has no name and path in line ${i + 1}: “${boundedText(line).slice(0, 100)}”`);
    if (entries.has(entry.name)) throw refused(`has the name ${entry.name} twice, in line ${i + 1} again`);
    if (entries.size >= MAX_ENTRIES) throw refused(`has more than ${MAX_ENTRIES} entries`);
    entries.set(entry.name, entry);
  }
  return [...entries.values()];
}

/** @throws RangeError where an entry could not be read back. */
export function writeVcdb(entries: readonly Pick<VcdbEntry, 'name' | 'path'>[]): string {
  const lines = entries.map(({ name, path }) => `${name},${path}`);
  const unreadable = lines.find((line) => parseLine(line) === undefined);
  if (unreadable !== undefined) throw new RangeError(`not fit for ${VCDB_NAME}: ${unreadable}`);
  return lines.map((line) => `${line}\n`).join('');
}

function parseLine(line: string): VcdbEntry | undefined {
  const comma = line.indexOf(',');
  const name = line.slice(0, Math.max(comma, 0)).trim();
  const path = line.slice(comma + 1).trim();
  const isPath = isPlainPath(path.replace(ADDRESS_OR_ROOT, ''));
  if (!LEGACY_NAME.safeParse(name).success || !isPath) return undefined;
  return { name, path, kind: path.endsWith('.json') ? 'manifest' : 'description' };
}

function refused(why: string): EdgebootError {
  return new EdgebootError('IMAGE_NOT_COMPLIANT', `The repository's index ${VCDB_NAME} ${why}.`, {
    remedy: `Ask whoever maintains the repository to correct ${VCDB_NAME}.`,
  });
}
