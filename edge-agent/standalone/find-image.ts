/** Finds a virtual cluster in a repository, whatever its kind: by the repository's index (formats, section 3). */
import { EdgebootError } from '#shared/errors.ts';
import { MAX_VCDB_BYTES, parseVcdb, VCDB_NAME, type VcdbEntry } from '#shared/vc-xml/vcdb.ts';
import type { PartSource } from '../ports.ts';
import type { LocatedFile } from '../repositories/open-repository.ts';
import { findLegacyImage, type LegacyPorts } from './legacy-image.ts';
import { findNativeImage, type NativePorts } from './native-image.ts';
import type { FindImage } from './ports.ts';

export interface OpenedRepository extends PartSource, AsyncDisposable {
  /** The file that the index names, here or at another host that the operator allows. Throws INVALID_REQUEST, FORBIDDEN. */
  locate(named: string): Promise<LocatedFile>;
}

export interface RepositoryPorts extends LegacyPorts, NativePorts {
  readonly openRepository: (address: string) => Promise<OpenedRepository>;
}

export async function readIndex(source: PartSource, signal: AbortSignal): Promise<readonly VcdbEntry[]> {
  const { bytes } = await source.fetch({ path: VCDB_NAME, sizeBytes: undefined, maxBytes: MAX_VCDB_BYTES }, signal);
  return parseVcdb(bytes);
}

export function imageFinder(ports: RepositoryPorts): FindImage {
  return async (wanted, signal) => {
    await using undo = new AsyncDisposableStack();
    const repository = undo.use(await ports.openRepository(wanted.repository));
    const entry = (await readIndex(repository, signal)).find(({ name }) => name === wanted.name);
    if (entry === undefined) {
      throw new EdgebootError('NOT_FOUND', `${wanted.repository} has no ${JSON.stringify(wanted.name)}`, {
        remedy: `edgeboot-agent list repository --repository ${wanted.repository} shows what it has.`,
      });
    }
    const located = await repository.locate(entry.path);
    const find = entry.kind === 'manifest' ? findNativeImage : findLegacyImage;
    const image = await find(wanted, located.path, located.source, ports, signal);
    const open = undo.move();
    return { ...image, [Symbol.asyncDispose]: () => open.disposeAsync() };
  };
}
