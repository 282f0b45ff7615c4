/**
 * The distances of the model. Nothing here is a rate of a connection: those follow from window, round trip and losses. What emerges is
 * printed by the benchmark, and tested.
 */
import type { Distances } from './distances.ts';
import type { Road } from './flow.ts';
import type { LinkParameters } from './link.ts';

/** A site's link: a gigabit with its overhead off. A queue of a tenth of a second before it. */
export const SITE_LINK: LinkParameters = { bytesPerSecond: 117e6, queueBytes: 11.7e6 };
/** Between an edge location and a bucket nothing is scarce but the window. */
export const BACKBONE: LinkParameters = { bytesPerSecond: 1.25e9, queueBytes: 125e6 };

/** To a bucket on another continent: 4 MB/s for a connection. */
export const FAR_ORIGIN: Road = { roundTripMs: 180, jitterMs: 4, windowBytes: 720 * 1024, lossRate: 1e-6 };
/** To an edge location in the same city: 50 MB/s for a connection. */
export const NEAR_EDGE: Road = { roundTripMs: 10, jitterMs: 0.5, windowBytes: 512 * 1024, lossRate: 1e-6 };
/** To an edge location in a neighboring country. */
export const COLD_EDGE: Road = { roundTripMs: 60, jitterMs: 2, windowBytes: 512 * 1024, lossRate: 1e-6 };
/** From that edge location to its origin: losses hold a connection at 2 MB/s. */
export const EDGE_TO_ORIGIN: Road = { roundTripMs: 180, jitterMs: 4, windowBytes: 720 * 1024, lossRate: 1.2e-4 };

/** Those of the benchmark. */
export const BENCH_DISTANCES: Distances = {
  siteLink: SITE_LINK,
  far: FAR_ORIGIN,
  near: NEAR_EDGE,
  cold: COLD_EDGE,
  caching: NEAR_EDGE,
  miss: EDGE_TO_ORIGIN,
};
