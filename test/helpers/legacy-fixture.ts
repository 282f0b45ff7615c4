/** Repositories of the older kind in a directory, packed with the tools of the host, as their authors did. */
import { createCipheriv, hash } from 'node:crypto';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import type { DiskFileType } from '#shared/vc-xml/vc-in.ts';
import { holdLock } from '../../edge-agent/adapters/host-lock.ts';
import { fetchDescription } from '../../edge-agent/legacy-image/description.ts';
import {
  fetchLegacyImage,
  type LegacyImage,
  type LegacyImageOptions,
} from '../../edge-agent/legacy-image/fetch-legacy-image.ts';
import type { FetchedObject, ObjectRequest, PartSource } from '../../edge-agent/ports.ts';
import { localRepository } from '../../edge-agent/repositories/local.ts';
import { flowOf } from './flow.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

const MIB = 1024 * 1024;
const PARTITION_OFFSET_BYTES = MIB;
export const LEGACY_DISK_BYTES = 20 * MIB + 512;

/** How the description tells of its files: its three kinds. */
export type DescriptionKind = 'listed' | 'inside' | 'beside';

/** A disk of a node as it is to lie in the repository. */
export interface PackedDisk {
  readonly type: DiskFileType;
  readonly parts: readonly string[];
  /** What the domain calls it. */
  readonly source: string;
}

export interface LegacyRepository extends AsyncDisposable {
  readonly folder: string;
  readonly directory: string;
  readonly cacheDirectory: string;
  readonly pinsDirectory: string;
  /** All that was asked for so far. */
  readonly requests: ObjectRequest[];
  readonly source: PartSource;
  fetch(options?: Partial<LegacyImageOptions>): Promise<LegacyImage>;
}

/** Below the repository, of every virtual cluster here. */
export const CLUSTER_FOLDER = 'vc-one';
export const DESCRIPTION_PATH = `${CLUSTER_FOLDER}/vc-one.xml`;

/** @param tamper changes an answer on its way */
export async function createLegacyRepository(
  tamper: (request: ObjectRequest, fetched: FetchedObject) => FetchedObject | Promise<FetchedObject> = (_, fetched) =>
    fetched,
): Promise<LegacyRepository> {
  const temporary = await createTemporaryFolder();
  const folder = temporary.path;
  const directory = join(folder, 'repository');
  await mkdir(join(directory, CLUSTER_FOLDER), { recursive: true });
  const files = await localRepository.open(directory, { connections: 8, lookup: undefined });
  const requests: ObjectRequest[] = [];
  const source: PartSource = {
    async fetch(request, signal) {
      requests.push(request);
      return tamper(request, await files.fetch(request, signal));
    },
  };
  const cacheDirectory = join(folder, 'cache');
  const pinsDirectory = join(folder, 'pins');
  return {
    ...{ folder, directory, cacheDirectory, pinsDirectory, requests, source },
    async fetch(options = {}) {
      const { signal = AbortSignal.timeout(60_000) } = options;
      return fetchLegacyImage({
        ...{ repository: directory, name: 'vc-one', source, computes: 1, cacheDirectory, pinsDirectory },
        ...{ acceptChanges: false, flow: flowOf(4), holdLock, onProgress: () => undefined, signal },
        description: await fetchDescription(source, DESCRIPTION_PATH, signal),
        ...options,
      });
    },
    async [Symbol.asyncDispose]() {
      await files.close();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/** A disk as the image standard wants it, as far as that is looked at; data, text and holes, the same for the same seed. */
export async function writeLegacyDisk(file: string, seed: string): Promise<void> {
  await using handle = await open(file, 'w');
  await handle.truncate(LEGACY_DISK_BYTES);
  const table = Buffer.alloc(512);
  table.writeUInt8(0x83, 450);
  table.writeUInt32LE(PARTITION_OFFSET_BYTES / 512, 454);
  table.writeUInt32LE((LEGACY_DISK_BYTES - PARTITION_OFFSET_BYTES - 512) / 512, 458);
  table.writeUInt16LE(0xaa55, 510);
  await handle.write(table, 0, table.length, 0);
  const superblock = Buffer.alloc(1024);
  superblock.writeUInt16LE(0xef53, 56);
  superblock.writeUInt32LE(0x40, 96);
  await handle.write(superblock, 0, superblock.length, PARTITION_OFFSET_BYTES + 1024);
  const noise = noiseOf(seed, 9 * MIB);
  await handle.write(noise, 0, noise.length, 3 * MIB + 1000);
  await handle.write(Buffer.alloc(2 * MIB, `${seed} text `), 0, 2 * MIB, 15 * MIB);
}

function noiseOf(seed: string, lengthBytes: number): Buffer {
  const key = hash('sha256', seed, 'buffer');
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(lengthBytes));
}

/** How the pieces of a `splited_gzip` came to be. */
export type GzipCut = 'members' | 'stream';

/** Packs a raw file into the cluster's folder, in pieces of `pieceBytes`. */
export async function packDisk(
  rawFile: string,
  { directory }: Pick<LegacyRepository, 'directory'>,
  { type, cut = 'stream', pieceBytes = 5 * MIB + 3 }: { type: DiskFileType; cut?: GzipCut; pieceBytes?: number },
): Promise<PackedDisk> {
  const script = {
    raw: 'cp "$1" "$2"',
    gzip: 'gzip -c "$1" > "$2.gz"',
    splited: 'split -b "$3" "$1" "$2."',
    splited_gzip:
      cut === 'stream'
        ? 'gzip -c "$1" | split -b "$(($3 / 2))" - "$2.gz."'
        : 'split -b "$3" --filter="gzip -c > \\"\\$FILE\\"" "$1" "$2.gz."',
  }[type];
  const folder = join(directory, CLUSTER_FOLDER);
  const name = rawFile.slice(rawFile.lastIndexOf('/') + 1);
  await runCommandOrThrow('sh', ['-ec', script, 'sh', rawFile, join(folder, name), String(pieceBytes)]);
  const parts = (await readdir(folder)).filter((file) => file.startsWith(name)).sort();
  return { type, parts, source: name };
}

/** What `cat parts | gunzip`, or `cat parts`, gives. */
export async function referenceOf(
  { type, parts }: PackedDisk,
  { directory }: Pick<LegacyRepository, 'directory'>,
  outputFile: string,
): Promise<Buffer> {
  const files = parts.map((part) => join(directory, CLUSTER_FOLDER, part));
  const script = type.endsWith('gzip') ? 'cat "$@" | gunzip > "$0"' : 'cat "$@" > "$0"';
  await runCommandOrThrow('sh', ['-ec', script, outputFile, ...files]);
  return readFile(outputFile);
}

export interface DescribedDisks {
  readonly kind: DescriptionKind;
  readonly frontend: PackedDisk;
  readonly compute?: PackedDisk | undefined;
}

/** Writes the description as the given kind has it. */
export async function describe(
  { directory }: Pick<LegacyRepository, 'directory'>,
  disks: DescribedDisks,
): Promise<void> {
  const nodes = (['frontend', 'compute'] as const).flatMap((role) => {
    const disk = disks[role];
    return disk === undefined ? [] : [{ role, disk }];
  });
  const fileOf = ({ type, parts, source }: PackedDisk): string => {
    const names = parts.map((part) => `<part>${part}</part>`).join('\n');
    return `<file type="${type}" filename="${source}">${names}</file>`;
  };
  const elements = nodes.map(({ role, disk }) => {
    const source = disks.kind === 'beside' ? (disk.parts[0] ?? '') : disk.source;
    const domain = `<domain type='kvm'><memory>131072</memory><vcpu>1</vcpu><devices>
      <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${source}'/></disk>
    </devices></domain>`;
    return `<${role}>${domain}${disks.kind === 'inside' ? fileOf(disk) : ''}</${role}>`;
  });
  const files = disks.kind === 'listed' ? `<files>${nodes.map(({ disk }) => fileOf(disk)).join('')}</files>` : '';
  const xml = `<vc><virtualization engine='kvm' type='hvm' arch='x86_64'/>${elements.join('')}${files}</vc>`;
  const file = join(directory, DESCRIPTION_PATH);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, xml);
}
