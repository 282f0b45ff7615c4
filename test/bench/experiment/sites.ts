/**
 * The two sites of the original comparison, and how their roads change during a day. Pure. The numbers are the model's: chosen so that
 * at a quiet hour one connection gets from bucket, edge hit and edge miss about what the original authors published.
 */
import type { Distances } from '../model/distances.ts';
import type { Road } from '../model/flow.ts';
import { SITE_LINK } from '../model/roads.ts';

export interface ExperimentSite {
  readonly name: string;
  /** To the bucket, in Virginia. */
  readonly bucket: Road;
  /** To the edge location in the next city. */
  readonly edge: Road;
  /** From there to the bucket. */
  readonly miss: Road;
}

const KIB = 1024;

export const EXPERIMENT_SITES: readonly ExperimentSite[] = [
  {
    name: 'San Diego',
    bucket: { roundTripMs: 65, jitterMs: 2, windowBytes: 1500 * KIB, lossRate: 2e-6 },
    edge: { roundTripMs: 8, jitterMs: 0.5, windowBytes: 440 * KIB, lossRate: 1e-6 },
    miss: { roundTripMs: 62, jitterMs: 2, windowBytes: 160 * KIB, lossRate: 2e-5 },
  },
  {
    name: 'Nara',
    bucket: { roundTripMs: 160, jitterMs: 4, windowBytes: 3700 * KIB, lossRate: 1e-6 },
    edge: { roundTripMs: 7, jitterMs: 0.5, windowBytes: 380 * KIB, lossRate: 1e-6 },
    miss: { roundTripMs: 158, jitterMs: 4, windowBytes: 380 * KIB, lossRate: 2e-5 },
  },
];

/** The quietest hour of the day, and the busiest twelve hours later. */
const QUIET_HOUR = 4;
const NOISE = 0.15;

/** How much of the roads others use, 0 to 1. @param hour of the site's own day @param random from 0 to 1 */
export function loadAt(hour: number, random: () => number): number {
  const regular = 0.5 - 0.4 * Math.cos((2 * Math.PI * (hour - QUIET_HOUR)) / 24);
  return Math.min(1, Math.max(0, regular + NOISE * (2 * random() - 1)));
}

/** Load takes from the site's link, lengthens jitter and loses more segments. */
export function distancesAt({ bucket, edge, miss }: ExperimentSite, load: number): Distances {
  const busy = (road: Road): Road => ({
    ...road,
    jitterMs: road.jitterMs * (1 + 4 * load),
    lossRate: road.lossRate * (0.5 + 2 * load),
  });
  const { bytesPerSecond, queueBytes } = SITE_LINK;
  return {
    siteLink: { bytesPerSecond: bytesPerSecond * (1 - 0.4 * load), queueBytes },
    far: busy(bucket),
    near: busy(edge),
    cold: busy(edge),
    caching: busy(edge),
    miss: busy(miss),
  };
}
