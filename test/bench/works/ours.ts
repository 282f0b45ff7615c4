/** `edgeboot-agent fetch`, as an operator runs it. */
import { EDGEBOOT_AGENT } from '../../../local/federation/program.ts';
import type { BenchImages } from '../images/bench-images.ts';
import type { BenchDisk } from '../images/native-image.ts';
import type { Network } from '../servers/bench-servers.ts';
import type { Command } from './measure.ts';
import { pipeline, type Run } from './pipeline.ts';
import type { Surroundings, Work } from './surroundings.ts';

export interface OursOptions {
  readonly network?: Network;
  /** Below what is served; the manifest of the normal disk unless given. */
  readonly source?: (images: BenchImages) => string;
  /** The normal one unless given. */
  readonly disk?: (images: BenchImages) => BenchDisk;
  /** Nobody else waits until the data is on the disk, so neither do we unless this is what is measured. */
  readonly options?: (images: BenchImages) => readonly string[];
}

const normal = ({ normal: disk }: BenchImages): BenchDisk => disk;

export function ours(given: OursOptions = {}): Work<Run> {
  const { network = 'loopback', disk = normal } = given;
  return pipeline({
    network,
    disk,
    command: (around, directory, output) => fetchCommand(around, directory, output, given),
  });
}

export function fetchCommand(
  { images, servers }: Surroundings,
  directory: string,
  output: string,
  { network = 'loopback', disk = normal, source, options = () => ['--no-sync'] }: OursOptions = {},
): Command {
  const url = `${servers.endpoints[network].url}/${source?.(images) ?? disk(images).manifest}`;
  return {
    file: EDGEBOOT_AGENT,
    args: ['fetch', url, '--output', output, ...options(images)],
    environment: { NODE_EXTRA_CA_CERTS: servers.certificateFile },
    directory,
  };
}

/** Fetched where the version before it is. */
export const newerVersion = (disk: (images: BenchImages) => BenchDisk): Work<Run> =>
  ours({ disk, options: (images) => ['--no-sync', '--reuse', images.normal.file] });

/** @param size as --memory takes it */
export const withMemory = (size: string): Work<Run> => ours({ options: () => ['--no-sync', '--memory', size] });
