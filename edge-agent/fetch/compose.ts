/** Where fetching into a file meets its adapters. */
import { EdgebootError } from '#shared/errors.ts';
import { tryHoldLock } from '../adapters/host-lock.ts';
import { GrantHolder } from '../repositories/grant-holder.ts';
import { openCloudFront } from '../repositories/open-cloudfront.ts';
import { openRepository } from '../repositories/open-repository.ts';
import { type FetchRecord, recording } from '../repositories/recording.ts';
import type { Transfers } from '../transfer/open-transfers.ts';
import type { FetchDiskPorts } from './fetch-disk.ts';
import type { NamedSource } from './source.ts';
import { readGrantFile } from './grant-file.ts';

export interface FetchSettings extends Pick<Transfers, 'connections' | 'bandwidth'> {
  /** For a repository of the kind `cloudfront`. */
  readonly grantFile: string | undefined;
  /** DNS servers asked for edge locations, beside the system's own. */
  readonly resolvers: readonly string[];
  /** Told of every answer; nobody is unless given. */
  readonly record: ((fetched: FetchRecord) => void) | undefined;
}

export function composeFetch(settings: FetchSettings): FetchDiskPorts {
  const { record } = settings;
  return {
    tryHoldLock,
    openRepository: async (named, signal) => {
      const repository = await open(named, settings, signal);
      return record === undefined ? repository : recording(repository, record);
    },
  };
}

async function open({ kind, repository }: NamedSource, settings: FetchSettings, signal: AbortSignal) {
  const { connections, bandwidth, grantFile, resolvers } = settings;
  if (kind !== 'cloudfront') return openRepository(repository, { connections, bandwidth, repositoryHosts: [] });
  if (grantFile === undefined) {
    throw new EdgebootError('USAGE', 'a distribution gives nothing without a grant', {
      remedy: 'Give --grant FILE.',
    });
  }
  const grants = new GrantHolder(await readGrantFile(grantFile), () => readGrantFile(grantFile));
  return openCloudFront({ grants, resolvers, connections, bandwidth, signal });
}
