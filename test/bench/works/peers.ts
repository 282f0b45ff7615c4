/** The original pipeline, and other tools: scripts as somebody would type them, beside this file. */
import path from 'node:path';
import type { Network } from '../servers/bench-servers.ts';
import { pipeline, type Run } from './pipeline.ts';
import type { Work } from './surroundings.ts';

export interface PeerOptions {
  /** Name of the script: $1 the folder's URL, $2 the disk to make, $3 connections. */
  readonly script: string;
  /** Below what is served. */
  readonly folder: string;
  readonly network?: Network;
  readonly connections?: number;
}

export function peer({ script, folder, network = 'loopback', connections = 8 }: PeerOptions): Work<Run> {
  return pipeline({
    network,
    disk: ({ normal }) => normal,
    command: ({ servers }, directory, output) => ({
      file: path.join(import.meta.dirname, `${script}.sh`),
      args: [`${servers.endpoints[network].url}/${folder}`, output, String(connections)],
      directory,
    }),
  });
}
