/** The forms in which a disk is served: our own, the older ones, and those of the peers. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { parseVcdb } from '#shared/vc-xml/vcdb.ts';
import { writeVcIn } from '#shared/vc-xml/write-vc-in.ts';
import { EDGEBOOT } from '../../../local/federation/program.ts';

/** Of the image in every repository here. */
export const IMAGE_NAME = 'bench';
const PIECE_BYTES = 64 * 1024 * 1024;
/** As large as our own parts: curl and rclone fetch many at once. */
const ZSTD_PIECE_BYTES = 8 * 1024 * 1024;

export interface PackedDisks {
  readonly frontend: string;
  readonly compute?: string;
}

/** Packs the versions of an image one after the other. @returns each one's manifest, as a path below the repository. */
export async function packNative(
  repository: string,
  versions: readonly PackedDisks[],
  configDirectory: string,
): Promise<readonly string[]> {
  const manifests: string[] = [];
  for (const { frontend, compute } of versions) {
    const disks = ['--frontend', frontend, ...(compute === undefined ? [] : ['--compute', compute])];
    await pack([...disks, '--name', IMAGE_NAME, '--output', repository], configDirectory);
    const entry = parseVcdb(await readFile(path.join(repository, 'vcdb.txt'))).find(({ name }) => name === IMAGE_NAME);
    if (entry === undefined) throw new Error(`${repository} has no ${IMAGE_NAME}`);
    manifests.push(entry.path);
  }
  return manifests;
}

/** Pieces that are gzip members of their own. */
export async function packMembers(repository: string, disk: string, configDirectory: string): Promise<void> {
  const legacy = ['--legacy', 'splited_gzip'];
  await pack([...legacy, '--frontend', disk, '--name', IMAGE_NAME, '--output', repository], configDirectory);
}

/** One gzip stream cut into pieces, as the original authors had them, with a list of the pieces' digests beside them. */
export async function packStream(repository: string, disk: string): Promise<void> {
  const folder = path.join(repository, IMAGE_NAME);
  await mkdir(folder, { recursive: true });
  const whole = path.join(folder, 'whole');
  await runCommandOrThrow('cp', ['--sparse=always', disk, whole]);
  await runCommandOrThrow('gzip', [whole]);
  const parts = await cut(`${whole}.gz`, path.join(folder, 'frontend.vda.gz.'), PIECE_BYTES);
  const frontend = {
    memoryMiB: 2048,
    cpus: 1,
    disk: { type: 'splited_gzip' as const, filename: 'frontend.vda', parts },
  };
  const document = writeVcIn({
    name: IMAGE_NAME,
    driver: 'rocks6_client',
    frontend,
    computeWaitSeconds: 300,
    privateNetwork: { address: '10.1.1.1', netmask: '255.255.0.0' },
  });
  await writeFile(path.join(folder, `${IMAGE_NAME}.xml`), document);
}

/** One zstd stream cut into pieces, with their digests. */
export async function packZstd(folder: string, disk: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const whole = path.join(folder, 'whole.zst');
  await runCommandOrThrow('zstd', ['-q', '-3', '-T0', '-o', whole, disk]);
  await cut(whole, path.join(folder, 'disk.zst.'), ZSTD_PIECE_BYTES);
}

export async function packCasync(folder: string, disk: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await runCommandOrThrow('casync', ['make', '--store', `${folder}/store.castr`, `${folder}/disk.caibx`, disk]);
}

async function pack(args: readonly string[], configDirectory: string): Promise<void> {
  const environment = { ...process.env, EDGEBOOT_CONFIG_DIRECTORY: configDirectory };
  await runCommandOrThrow(EDGEBOOT, ['image', 'pack', ...args], { environment });
}

/** Cuts a file into `<prefix>0000`, …, writes SHA256SUMS beside them, and removes it. @returns the pieces' names, in order. */
async function cut(whole: string, prefix: string, pieceBytes: number): Promise<readonly string[]> {
  await runCommandOrThrow('split', ['--bytes', String(pieceBytes), '-d', '-a', '4', whole, prefix]);
  await rm(whole);
  const folder = path.dirname(prefix);
  const names = (await readdir(folder)).filter((name) => name.startsWith(path.basename(prefix))).sort();
  const digests = await runCommandOrThrow('sha256sum', names, { workingDirectory: folder });
  await writeFile(path.join(folder, 'SHA256SUMS'), digests);
  return names;
}
