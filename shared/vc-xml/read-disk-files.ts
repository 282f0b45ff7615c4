/** Finds the file of a node's disk among those of a description: its three kinds, and its four types (formats, section 2). */
import type { XmlElement } from './bounded-xml.ts';
import { attributeOf, childrenOf, notCompliant, quoted } from './elements.ts';
import { isPlainPath, lastNameOf } from './part-path.ts';
import { DISK_FILE_TYPES, type DiskFile, type DiskFileType } from './vc-in.ts';

/** Of one disk. */
export const MAX_LEGACY_PARTS = 4096;

interface ListedFile {
  readonly type: DiskFileType;
  readonly filename: string | undefined;
  readonly parts: readonly string[];
}

/**
 * @param source what the node's domain calls its disk
 * @param inside the `<file>` elements of the node itself, the later dialect
 * @param listed those of `<files>`, the older one
 * Throws IMAGE_NOT_COMPLIANT.
 */
export function findDiskFile(
  source: string,
  inside: readonly XmlElement[],
  listed: readonly XmlElement[],
  role: string,
): DiskFile {
  const filename = lastNameOf(source);
  if (inside.length > 1) throw notCompliant(`The ${role} has ${inside.length} files; the image standard has one disk.`);
  if (inside[0] !== undefined) return { ...readFile(inside[0]), filename };
  if (listed.length === 0) return besideDescription(source, role);
  const matching = listed.map(readFile).filter((file) => nameOf(file) === filename);
  if (matching.length > 1) throw notCompliant(`The files list the disk ${quoted(filename)} more than once.`);
  const [file] = matching;
  if (file === undefined) throw notCompliant(`The files do not list ${quoted(filename)}, the disk of the ${role}.`);
  return { type: file.type, filename, parts: file.parts };
}

/** No `<file>` at all: the disk lies beside the description. Of a path on its author's machine, only the name counts. */
function besideDescription(source: string, role: string): DiskFile {
  const part = source.startsWith('/') ? lastNameOf(source) : source;
  requirePlainPath(part, `the disk of the ${role}`);
  const isCompressed = part.endsWith('.gz');
  return {
    type: isCompressed ? 'gzip' : 'raw',
    filename: isCompressed ? lastNameOf(part).slice(0, -'.gz'.length) : lastNameOf(part),
    parts: [part],
  };
}

function readFile(element: XmlElement): ListedFile {
  const type = readType(attributeOf(element, 'type'));
  const parts = childrenOf(element, 'part').map((part) => part.text);
  if (parts.length === 0) throw notCompliant('A file of the description has no <part>.');
  if (parts.length > MAX_LEGACY_PARTS) {
    throw notCompliant(`A file of the description has ${parts.length} parts, more than ${MAX_LEGACY_PARTS}.`);
  }
  for (const part of parts) requirePlainPath(part, 'a part');
  const isSplit = type === 'splited' || type === 'splited_gzip';
  if (!isSplit && parts.length > 1) {
    throw notCompliant(`A file of type ${type} has ${parts.length} parts; only split files have several.`);
  }
  if (new Set(parts).size < parts.length) throw notCompliant('A file of the description names a part twice.');
  const filename = attributeOf(element, 'filename');
  return { type, filename: filename === undefined ? undefined : lastNameOf(filename), parts };
}

/** What is not said is raw, as with the original. */
function readType(found: string | undefined): DiskFileType {
  const type = found?.replace(/^split(?=$|_)/, 'splited') ?? 'raw';
  const known = DISK_FILE_TYPES.find((candidate) => candidate === type);
  if (known !== undefined) return known;
  throw notCompliant(`A file of the description has the unknown type ${quoted(type)}.`);
}

/** Without a `filename`, the disk is called what gunzip and cat would have made of its first part. */
function nameOf({ type, filename, parts }: ListedFile): string {
  const first = lastNameOf(parts[0] ?? '');
  return filename ?? (type === 'raw' ? first : first.replace(/\.gz(?=$|\.)[^/]*$/, ''));
}

function requirePlainPath(path: string, what: string): void {
  if (isPlainPath(path)) return;
  throw notCompliant(
    `The description gives ${quoted(path)} as ${what}: not a plain path below its folder (letters, digits, . _ + = @ ~ - and /).`,
  );
}
