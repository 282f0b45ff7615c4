/** Commands for debugfs, and its answers: pure. Every path that goes into a command has passed the allow-list here. */
import { EdgebootError } from '#shared/errors.ts';

/** No white space, no quotes, nothing that debugfs would take for more than a name. */
const SAFE_PATH = /^(?:\/\.?[A-Za-z0-9][A-Za-z0-9._-]*)+$/;
/** Left by an earlier life of the image: they would give the interfaces other names (spec of the formats, section 5). */
export const STALE_FILES = [
  { folder: '/etc/udev/rules.d', pattern: '70-persistent-net.rules' },
  { folder: '/etc/sysconfig/network-scripts', pattern: 'ifcfg-eth*' },
] as const;
/** A guest with this program configures itself with cloud-init. Its settings alone may outlive its removal. */
export const CLOUD_INIT_PROGRAM = '/usr/bin/cloud-init';

/** Folders in which files of an earlier life may lie. */
export const STALE_FOLDERS: readonly string[] = STALE_FILES.map(({ folder }) => folder);

/** A path split for debugfs, which makes new names in its working folder only. */
export interface GuestPath {
  readonly folder: string;
  readonly name: string;
  readonly full: string;
}

/** @throws Error when the path is not one that we would ever write: paths come from our own code. */
export function parseGuestPath(path: string): GuestPath {
  if (!SAFE_PATH.test(path)) throw new Error(`not a path for a guest's file: ${JSON.stringify(path)}`);
  const slash = path.lastIndexOf('/');
  return { folder: slash === 0 ? '/' : path.slice(0, slash), name: path.slice(slash + 1), full: path };
}

/** `/a`, `/a/b` for `/a/b`: each must be a real folder, or a write would end elsewhere. */
export function foldersAbove(folder: string): string[] {
  const names = folder.split('/').filter((name) => name !== '');
  return names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`);
}

/** Replaces a file by one whose content lies in a temporary file. */
export function replaceCommands(path: GuestPath, contentFile: string, mode: number): string[] {
  const permissions = (mode & 0o7777).toString(8);
  return [
    `rm ${path.full}`,
    `cd ${path.folder}`,
    `write ${contentFile} ${path.name}`,
    'cd /',
    // A regular file; debugfs takes the octal number with its leading zero.
    `set_inode_field ${path.full} mode 010${permissions.padStart(4, '0')}`,
    `set_inode_field ${path.full} uid 0`,
    `set_inode_field ${path.full} gid 0`,
  ];
}

/** debugfs cannot rename: the inode gets a second name, then loses its first; its count of names stays true. */
export function moveAsideCommands(folder: string, names: readonly string[]): string[] {
  return findStale(folder, names).flatMap((name) => [
    ...(names.includes(asideName(name)) ? [`rm ${folder}/${asideName(name)}`] : []),
    `cd ${folder}`,
    `ln ${name} ${asideName(name)}`,
    `unlink ${name}`,
    'cd /',
  ]);
}

/** The names that must have moved; none may be left afterwards. */
export function findStale(folder: string, names: readonly string[]): string[] {
  const patterns = STALE_FILES.filter((stale) => stale.folder === folder).map(({ pattern }) => asRegExp(pattern));
  return names.filter((name) => patterns.some((pattern) => pattern.test(name)));
}

/** A shell's pattern; its star stands for nothing that debugfs would take for more than a name. */
function asRegExp(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[A-Za-z0-9._-]*')}$`);
}

function asideName(name: string): string {
  return `old-${name}`;
}

/** Names in the answer to `ls -p`: one `/inode/mode/uid/gid/name/size/` a line; a name holds no slash. */
export function parseNames(listing: string): string[] {
  return listing
    .split('\n')
    .map((line) => line.split('/'))
    .filter((fields) => fields.length === 8 && fields[1] !== '0')
    .map((fields) => fields[5] ?? '');
}

export interface InodeStatus {
  /** As debugfs calls it: `regular`, `directory`, `symlink` … */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
}

/** The answer to `stat`; `undefined` when there is no such file. */
export function parseStatus(answer: string): InodeStatus | undefined {
  const type = /^Inode: \d+ +Type: (\S+) +Mode: +(\d+)/m.exec(answer);
  const user = /^User: +(\d+)/m.exec(answer);
  if (type?.[1] === undefined || type[2] === undefined || user?.[1] === undefined) return undefined;
  return { type: type[1], mode: Number.parseInt(type[2], 8), uid: Number(user[1]) };
}

/** What the first bytes of a partition say it holds, as far as personalizing must know. */
export type FileSystem =
  { readonly kind: 'ext'; readonly needsRecovery: boolean } | { readonly kind: 'xfs' } | { readonly kind: 'other' };

/** How many bytes {@link identifyFileSystem} looks at. */
export const SUPERBLOCK_BYTES = 2048;
const EXT_MAGIC = 0xef53;
const EXT_NEEDS_RECOVERY = 0x4;

/** @param start the first {@link SUPERBLOCK_BYTES} of the partition. */
export function identifyFileSystem(start: Buffer): FileSystem {
  if (start.length < SUPERBLOCK_BYTES) return { kind: 'other' };
  if (start.toString('latin1', 0, 4) === 'XFSB') return { kind: 'xfs' };
  if (start.readUInt16LE(1024 + 0x38) !== EXT_MAGIC) return { kind: 'other' };
  return { kind: 'ext', needsRecovery: (start.readUInt32LE(1024 + 0x60) & EXT_NEEDS_RECOVERY) !== 0 };
}

export function notPersonalizable(what: string): EdgebootError {
  return new EdgebootError('IMAGE_NOT_COMPLIANT', what, { step: 'personalize' });
}
