/** Which repositories are meant, and what they have. */
import path from 'node:path';
import type { AgentConfig, RepositorySettings } from '../config.ts';
import { readIndex, type RepositoryPorts } from './find-image.ts';

export interface ListedImage {
  readonly name: string;
  /** `native`: signed, in parts; `legacy`: described by a vc-in.xml. */
  readonly kind: 'native' | 'legacy';
  readonly repository: string;
}

/** The one that is named, or those of the configuration; patterns given with the command replace those of the configuration. */
export function repositoriesOf(
  config: Pick<AgentConfig, 'repositories'>,
  named: string | undefined,
  patterns: { readonly include: readonly string[]; readonly exclude: readonly string[] } = { include: [], exclude: [] },
): RepositorySettings[] {
  const address = named === undefined || /^[a-z]+:\/\//i.test(named) ? named : path.resolve(named);
  const known = config.repositories.find((one) => one.address === address);
  const meant = address === undefined ? config.repositories : [known ?? { address, include: ['*'], exclude: [] }];
  return meant.map((one) => ({
    address: one.address,
    include: patterns.include.length > 0 ? [...patterns.include] : one.include,
    exclude: patterns.exclude.length > 0 ? [...patterns.exclude] : one.exclude,
  }));
}

export async function listRepository(
  address: string,
  ports: Pick<RepositoryPorts, 'openRepository'>,
  signal: AbortSignal,
): Promise<ListedImage[]> {
  await using repository = await ports.openRepository(address);
  const entries = await readIndex(repository, signal);
  return entries.map(({ name, kind }) => ({
    name,
    kind: kind === 'manifest' ? 'native' : 'legacy',
    repository: address,
  }));
}
