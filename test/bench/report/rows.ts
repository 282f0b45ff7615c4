/** The targets, and how each is computed from one round. Pure. */
import { type BenchImages, CHANGES } from '../images/bench-images.ts';
import { changedBytes } from '../images/change-disk.ts';
import { SITE_LINK } from '../model/roads.ts';
import { KILLED_CONNECTIONS } from '../works/killed-fetch.ts';
import type { PipelineName, ResultOf, WorkName } from '../works/works.ts';

/** What a work brought in this round. */
export type Round = <Name extends WorkName>(name: Name) => ResultOf<Name>;

export interface Row {
  readonly label: string;
  /** At most. Without both it is only reported. */
  readonly must?: number;
  readonly goal?: number;
  /** Ratios unless given. */
  readonly unit?: 'ratio' | 'MB' | 's';
  readonly needs: readonly WorkName[];
  readonly value: (round: Round, images: BenchImages) => number;
}

const wallRatio =
  (one: PipelineName, other: PipelineName) =>
  (round: Round): number =>
    round(one).wallSeconds / round(other).wallSeconds;

function against(label: string, one: PipelineName, other: PipelineName, must?: number, goal?: number): Row {
  const targets = must === undefined || goal === undefined ? {} : { must, goal };
  return { label, ...targets, needs: [one, other], value: wallRatio(one, other) };
}

function newer(runs: string, name: PipelineName, version: keyof typeof CHANGES, must: number, goal: number): Row {
  return {
    label: `second version, 1 % changed in runs of ${runs}: bytes fetched / changed bytes, compressed`,
    ...{ must, goal, needs: [name] },
    value(round, { normal }) {
      const compression = normal.storedBytes / normal.nonZeroBytes;
      return round(name).transfers.bytes / (changedBytes(normal.nonZeroBytes, CHANGES[version]) * compression);
    },
  };
}

/** The peers that verify what they fetched. */
const VERIFYING_PEERS = ['curl-zstd', 'rclone-zstd', 'aria2-pigz', 'casync'] as const satisfies PipelineName[];
export const ROWS = {
  'best-peer': {
    label: 'native over loopback / the best peer that verifies',
    must: 1,
    goal: 0.75,
    needs: ['native', ...VERIFYING_PEERS],
    value: (round) => round('native').wallSeconds / Math.min(...VERIFYING_PEERS.map((peer) => round(peer).wallSeconds)),
  },
  native: against('native over loopback / reference', 'native', 'reference', 0.15, 0.09),
  tls: against('… over TLS / reference', 'native-tls', 'reference', 0.17, 0.11),
  synced: against('… with the data synced to disk / reference', 'native-synced', 'reference', 0.18, 0.13),
  members: against('older format, gzip members / reference', 'members', 'reference', 0.25, 0.13),
  stream: against('older format, one gzip stream / reference', 'stream', 'reference', 0.4, 0.22),
  cpu: {
    label: 'CPU seconds, native / reference',
    must: 0.25,
    goal: 0.15,
    needs: ['native', 'reference'],
    value: (round) => round('native').cpuSeconds / round('reference').cpuSeconds,
  },
  far: against('far origin model, whole pipeline / reference', 'far-native', 'far-reference', 0.08, 0.045),
  'far-peer': against('far origin model / curl + zstd with 64 connections', 'far-native', 'far-curl-zstd'),
  near: against('near edge model, whole pipeline / reference', 'near-native', 'near-reference', 0.25, 0.16),
  'near-peer': against('near edge model / curl + zstd with 16 connections', 'near-native', 'near-curl-zstd'),
  cold: {
    label: 'cold edge model, whole pipeline / what the link alone takes',
    must: 4,
    goal: 2,
    needs: ['cold-native'],
    value(round) {
      const { wallSeconds, transfers } = round('cold-native');
      return wallSeconds / (transfers.bytes / SITE_LINK.bytesPerSecond);
    },
  },
  rss: {
    label: 'peak RSS, native',
    must: 400,
    goal: 256,
    unit: 'MB',
    needs: ['native'],
    value: (round) => round('native').peakRssBytes / 1e6,
  },
  'rss-128m': {
    label: 'peak RSS with --memory 128M',
    unit: 'MB',
    needs: ['native-128m'],
    value: (round) => round('native-128m').peakRssBytes / 1e6,
  },
  'time-128m': against('time with --memory 128M / reference', 'native-128m', 'reference'),
  'time-192m': against('time with --memory 192M / reference', 'native-192m', 'reference'),
  'time-256m': against('time with --memory 256M / reference', 'native-256m', 'reference'),
  'time-512m': against('time with --memory 512M / reference', 'native-512m', 'reference'),
  allocated: {
    label: 'allocated / non-zero bytes',
    must: 1.01,
    goal: 1.001,
    needs: ['native'],
    value: (round, { normal }) => round('native').allocatedBytes / normal.nonZeroBytes,
  },
  'changed-1m': newer('1 MiB', 'changed-1m', 'changedMebibytes', 1.5, 1.2),
  'changed-64k': newer('64 KiB', 'changed-64k', 'changed64KiB', 6, 4.9),
  large: {
    label: '100 GB apparent, 3 GB of data: time per byte / that of 4 GiB',
    must: 1.3,
    goal: 1.1,
    needs: ['large', 'native'],
    value: (round, { large, normal }) =>
      round('large').wallSeconds / large.nonZeroBytes / (round('native').wallSeconds / normal.nonZeroBytes),
  },
  'frames-size': {
    label: 'frames of 256 KiB / one frame a part: size',
    goal: 1.03,
    needs: ['frames'],
    value: (round) => round('frames').sizeRatio,
  },
  'frames-decode': {
    label: 'frames of 256 KiB / one frame a part: CPU time to decode',
    goal: 1.03,
    needs: ['frames'],
    value: (round) => round('frames').decodeRatio,
  },
  killed: {
    label: 'parts fetched again after a kill at 50 %, for each connection',
    ...{ must: 1, goal: 1, needs: ['killed'] },
    value: (round) => round('killed').partsAgain / KILLED_CONNECTIONS,
  },
  'killed-megabytes': {
    label: 'bytes fetched again after a kill at 50 %, the description of the image among them',
    ...{ unit: 'MB', needs: ['killed', 'native'] },
    value: (round) => (round('killed').bytes - round('native').transfers.bytes) / 1e6,
  },
  'further-nodes': {
    label: "each further node of a cluster: the agent's time",
    ...{ unit: 's', must: 1, goal: 0.2, needs: ['deployments'] },
    value: (round) => round('deployments').furtherNodeSeconds,
  },
  'control-plane': {
    label: 'request accepted → the agent holds the message, embedded cloud',
    ...{ unit: 's', must: 1, goal: 0.2, needs: ['deployments'] },
    value: (round) => round('deployments').heldSeconds,
  },
} as const satisfies Readonly<Record<string, Row>>;

export type RowName = keyof typeof ROWS;
