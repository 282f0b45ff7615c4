/** Where fetching into a file meets its adapters. */
import { tryHoldLock } from '../adapters/host-lock.ts';
import { openRepository } from '../repositories/open-repository.ts';
import type { FetchDiskPorts } from './fetch-disk.ts';

export function composeFetch({ connections }: { readonly connections: number }): FetchDiskPorts {
  return {
    tryHoldLock,
    openRepository: (named) => openRepository(named.repository, { connections, repositoryHosts: [] }),
  };
}
