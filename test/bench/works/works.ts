/** All that can be measured, by name. */
import { IMAGE_NAME } from '../images/pack-variants.ts';
import { deployments } from './deployments.ts';
import { frameSizeCost } from './frame-size.ts';
import { killedFetch } from './killed-fetch.ts';
import { newerVersion, ours, withMemory } from './ours.ts';
import { peer } from './peers.ts';
import type { Run } from './pipeline.ts';
import type { Work } from './surroundings.ts';

const reference = { script: 'reference', folder: `stream/${IMAGE_NAME}` };
const curlZstd = { script: 'curl-zstd', folder: 'zstd' };

/** Of the image in a repository of the older kind. */
const description = (repository: string): string => `${repository}/${IMAGE_NAME}/${IMAGE_NAME}.xml`;

export const WORKS = {
  reference: peer(reference),
  'curl-zstd': peer(curlZstd),
  'rclone-zstd': peer({ script: 'rclone-zstd', folder: 'zstd' }),
  'aria2-pigz': peer({ script: 'aria2-pigz', folder: `stream/${IMAGE_NAME}` }),
  casync: peer({ script: 'casync', folder: 'casync' }),
  native: ours(),
  'native-tls': ours({ network: 'tls' }),
  'native-synced': ours({ options: () => [] }),
  'native-128m': withMemory('128M'),
  'native-192m': withMemory('192M'),
  'native-256m': withMemory('256M'),
  'native-512m': withMemory('512M'),
  members: ours({ source: () => description('members') }),
  stream: ours({ source: () => description('stream') }),
  'changed-1m': newerVersion((images) => images.changedMebibytes),
  'changed-64k': newerVersion((images) => images.changed64KiB),
  large: ours({ disk: ({ large }) => large }),
  'far-reference': peer({ ...reference, network: 'far' }),
  'far-curl-zstd': peer({ ...curlZstd, network: 'far', connections: 64 }),
  'far-native': ours({ network: 'far' }),
  'near-reference': peer({ ...reference, network: 'near' }),
  'near-curl-zstd': peer({ ...curlZstd, network: 'near', connections: 16 }),
  'near-native': ours({ network: 'near' }),
  'cold-native': ours({ network: 'cold' }),
  killed: killedFetch,
  frames: frameSizeCost,
  deployments,
} as const satisfies Readonly<Record<string, Work<unknown>>>;

export type WorkName = keyof typeof WORKS;
export type ResultOf<Name extends WorkName> = Awaited<ReturnType<(typeof WORKS)[Name]>>;
/** Those that are pipelines. */
export type PipelineName = { [Name in WorkName]: ResultOf<Name> extends Run ? Name : never }[WorkName];
