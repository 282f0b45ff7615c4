/** A CloudFront distribution as the edge flow uses it: nearest edge first, its own name last, grants renewed, failures retried. */
import { EdgebootError } from '#shared/errors.ts';
import type { PartSource } from '../ports.ts';
import type { Bandwidth } from '../transfer/bandwidth.ts';
import { type ClosableSource, closing } from './closing.ts';
import { createCloudFrontSource } from './cloudfront.ts';
import { findEdgeCandidates } from './edge-candidates.ts';
import type { GrantHolder } from './grant-holder.ts';
import { withLastPlace } from './last-place.ts';
import { type MeasuredEdge, measureEdges } from './measure-edges.ts';
import { type EdgeChoice, nearestEdge } from './nearest-edge.ts';
import { racing } from './racing.ts';
import { renewing } from './renewing.ts';
import { retrying, type RetryOptions } from './retrying.ts';

/** Where only the nearest edge is wanted, it is asked again for so long before the next one is asked in its stead. */
const NEAREST_ALONE_SECONDS = 15;

export interface OpenCloudFrontOptions {
  readonly grants: GrantHolder;
  /** DNS servers that the operator lists beside the system's, `address:port` or `address`. */
  readonly resolvers: readonly string[];
  /** Most connections at once, to each edge. */
  readonly connections: number;
  /** The cap on all that this agent reads; none unless given. */
  readonly bandwidth?: Bandwidth | undefined;
  readonly retry?: Partial<RetryOptions>;
  /** `fastest` unless given. */
  readonly choice?: EdgeChoice;
  readonly signal: AbortSignal;
}

export interface CloudFrontRepository extends ClosableSource {
  /** Nearest first. */
  readonly edges: readonly MeasuredEdge[];
}

/** Finds and measures the edges. Throws PART_UNAVAILABLE when none answers. */
export async function openCloudFront(options: OpenCloudFrontOptions): Promise<CloudFrontRepository> {
  const { grants, resolvers, connections, bandwidth, retry, choice = 'fastest', signal } = options;
  const { baseUrl } = grants.current();
  const addresses = await findEdgeCandidates(new URL(baseUrl).hostname, resolvers);
  const edges = await measureEdges(baseUrl, addresses, signal);
  if (edges.length === 0) {
    throw new EdgebootError(
      'PART_UNAVAILABLE',
      `None of ${addresses.length} edge locations of the distribution answers.`,
    );
  }
  const open = (address: string | undefined) => {
    const currentGrant = (): ReturnType<GrantHolder['current']> => grants.current();
    const distribution = createCloudFrontSource({ currentGrant, address, connections, bandwidth });
    const renewed = renewing(distribution, grants);
    const patient = (): PartSource => retrying(renewed, { deadlineSeconds: NEAREST_ALONE_SECONDS, ...retry });
    return { source: choice === 'nearest' ? patient() : renewed, close: () => distribution.close() };
  };
  const places = edges.map((edge) => ({ ...edge, ...open(edge.address) }));
  // The system's resolver is asked anew at each connection: docs/decisions/0027.
  const byName = open(undefined);
  const retried = retrying(withLastPlace(nearestEdge(places, choice), byName.source), retry);
  // A rival would be another edge.
  const source = choice === 'nearest' ? retried : racing(retried);
  const release = async (): Promise<void> => {
    await Promise.all([...places, byName].map(({ close }) => close()));
  };
  return { ...closing(source, release), edges };
}
