/** A repository of the older kind with frontends alone, which no guest is ever started of. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLegacyDisk } from './legacy-fixture.ts';
import { type PartServer, startPartServer } from './part-server.ts';

const DISK_NAME = 'frontend.vda';

/** A frontend alone, raw, beside its description. */
export async function putCluster(repository: string, name: string): Promise<void> {
  const directory = join(repository, name);
  await mkdir(directory, { recursive: true });
  await writeLegacyDisk(join(directory, DISK_NAME), name);
  const domain = `<domain type='kvm'><devices>
    <disk type='file' device='disk'><source file='${DISK_NAME}'/></disk></devices></domain>`;
  const platform = "<virtualization engine='kvm' type='hvm' arch='x86_64'/>";
  await writeFile(join(directory, `${name}.xml`), `<vc>${platform}<frontend>${domain}</frontend></vc>`);
}

export async function writeIndex(repository: string, names: readonly string[]): Promise<void> {
  await writeFile(join(repository, 'vcdb.txt'), names.map((name) => `${name},${name}/${name}.xml\n`).join(''));
}

export interface StalledRepository extends PartServer {
  /** Resolves when somebody waits for the disk. */
  readonly asked: Promise<void>;
}

/** A web server that has one cluster, and never answers who asks for its disk. */
export async function startStalledRepository(directory: string, name: string): Promise<StalledRepository> {
  await putCluster(directory, name);
  await writeIndex(directory, [name]);
  const paths = ['vcdb.txt', `${name}/${name}.xml`, `${name}/${DISK_NAME}`];
  const objects = await Promise.all(paths.map(async (path) => [path, await readFile(join(directory, path))] as const));
  const { promise: asked, resolve } = Promise.withResolvers<undefined>();
  const server = await startPartServer({
    objects: new Map(objects),
    faultOf: ({ path }) => {
      if (!path.endsWith(DISK_NAME)) return undefined;
      resolve(undefined);
      return { kind: 'silent' };
    },
  });
  return { ...server, asked };
}
