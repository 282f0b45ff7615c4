/** Which roads lie between the viewers of one site and the servers. */
import type { Road } from './flow.ts';
import type { LinkParameters } from './link.ts';

export interface Distances {
  /** What all viewers of one server share. */
  readonly siteLink: LinkParameters;
  /** To the bucket. */
  readonly far: Road;
  /** To an edge location that has everything. */
  readonly near: Road;
  /** To an edge location that has nothing and keeps nothing. */
  readonly cold: Road;
  /** To one that keeps what it has fetched. */
  readonly caching: Road;
  /** From an edge location to the bucket. */
  readonly miss: Road;
}
