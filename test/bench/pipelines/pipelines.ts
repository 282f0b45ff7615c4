/** What is measured: each pipeline by its name, as a command. */
import path from 'node:path';
import { EDGEBOOT_AGENT } from '../../../local/federation/program.ts';
import type { BenchDisk, BenchImages } from '../images/bench-images.ts';
import { IMAGE_NAME } from '../images/pack-variants.ts';
import type { Command } from '../run/measure.ts';
import type { BenchServers, Network } from '../servers/bench-servers.ts';

export interface Surroundings {
  readonly images: BenchImages;
  readonly servers: BenchServers;
}

export interface Pipeline {
  readonly network: Network;
  /** What must come out. */
  readonly disk: (images: BenchImages) => BenchDisk;
  /** @param directory the pipeline's own, empty; @param output the disk to make, outside of it */
  readonly command: (surroundings: Surroundings, directory: string, output: string) => Command;
}

/** Unless a pipeline is about something else. */
const CONNECTIONS = 8;

const normal = (images: BenchImages): BenchDisk => images.normal;

/** A script beside this file: $1 the folder's URL, $2 the disk to make, $3 connections. */
function script(name: string, folder: string, network: Network = 'loopback', connections = CONNECTIONS): Pipeline {
  return {
    network,
    disk: normal,
    command: ({ servers }, directory, output) => ({
      file: path.join(import.meta.dirname, `${name}.sh`),
      args: [`${servers.endpoints[network].url}/${folder}`, output, String(connections)],
      directory,
    }),
  };
}

interface OursOptions {
  readonly network?: Network;
  /** Of the description of an image of the older kind; a native one unless given. */
  readonly repository?: 'members' | 'stream';
  readonly disk?: (images: BenchImages) => BenchDisk;
  readonly options?: readonly string[];
}

function ours({ network = 'loopback', repository, disk = normal, options = [] }: OursOptions = {}): Pipeline {
  return {
    network,
    disk,
    command({ images, servers }, directory, output) {
      const source = repository ? `${repository}/${IMAGE_NAME}/${IMAGE_NAME}.xml` : disk(images).manifest;
      const { url } = servers.endpoints[network];
      return {
        file: EDGEBOOT_AGENT,
        args: ['fetch', `${url}/${source}`, '--output', output, ...options],
        environment: { NODE_EXTRA_CA_CERTS: servers.certificateFile },
        directory,
      };
    },
  };
}

export const PIPELINES = {
  reference: script('reference', `stream/${IMAGE_NAME}`),
  'curl-zstd': script('curl-zstd', 'zstd'),
  'rclone-zstd': script('rclone-zstd', 'zstd'),
  'aria2-pigz': script('aria2-pigz', `stream/${IMAGE_NAME}`),
  casync: script('casync', 'casync'),
  native: ours(),
  large: ours({ disk: ({ large }) => large }),
  'far-reference': script('reference', `stream/${IMAGE_NAME}`, 'far'),
  'far-curl-zstd': script('curl-zstd', 'zstd', 'far', 64),
  'far-native': ours({ network: 'far' }),
  'near-reference': script('reference', `stream/${IMAGE_NAME}`, 'near'),
  'near-curl-zstd': script('curl-zstd', 'zstd', 'near', 16),
  'near-native': ours({ network: 'near' }),
  'cold-native': ours({ network: 'cold' }),
} as const satisfies Readonly<Record<string, Pipeline>>;

export type PipelineName = keyof typeof PIPELINES;

/** The peers that verify what they fetched. */
export const VERIFYING_PEERS = ['curl-zstd', 'rclone-zstd', 'aria2-pigz', 'casync'] as const satisfies PipelineName[];
