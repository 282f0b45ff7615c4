/** `edgeboot-agent fetch`, as an operator runs it. */
import { EDGEBOOT_AGENT } from '../../../local/federation/program.ts';
import type { BenchDisk, BenchImages } from '../images/bench-images.ts';
import type { Network } from '../servers/bench-servers.ts';
import type { Command } from './measure.ts';
import { pipeline, type Run } from './pipeline.ts';
import type { Surroundings, Work } from './surroundings.ts';

export interface OursOptions {
  readonly network?: Network;
  /** Of the native images; the normal one unless given. */
  readonly disk?: (images: BenchImages) => BenchDisk;
  readonly options?: readonly string[];
}

export function ours(options: OursOptions = {}): Work<Run> {
  const { network = 'loopback', disk = normal } = options;
  return pipeline({
    network,
    disk,
    command: (around, directory, output) => fetchCommand(around, output, directory, options),
  });
}

export function fetchCommand(
  { images, servers }: Surroundings,
  output: string,
  directory: string,
  { network = 'loopback', disk = normal, options = [] }: OursOptions = {},
): Command {
  return {
    file: EDGEBOOT_AGENT,
    args: ['fetch', `${servers.endpoints[network].url}/${disk(images).manifest}`, '--output', output, ...options],
    environment: { NODE_EXTRA_CA_CERTS: servers.certificateFile },
    directory,
  };
}

const normal = (images: BenchImages): BenchDisk => images.normal;
