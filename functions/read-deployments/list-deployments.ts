/**
 * The list of deployments, newest first, a page at a time: the member's own, or those of a member whom an operator of the federation
 * names. Filters are held against rows as they are read; how many rows a page may read is bounded, so a page may be short.
 */
import {
  type deploymentListQuery,
  type deploymentListResponse,
  MAX_PAGE_DEPLOYMENTS,
  nextToken,
} from '#shared/api/deployments.ts';
import type { Deployment } from '#shared/deployment.ts';
import * as z from 'zod';
import type { Member } from '../http/identity.ts';
import type { DeploymentStore } from '../ports.ts';
import { requireReadingOperator } from '../require-operator.ts';
import type { ReadDeploymentsPorts } from './read-deployments.ts';
import { shownTo } from './show-deployment.ts';

export type DeploymentListQuery = z.infer<typeof deploymentListQuery>;

const BATCH_ROWS = 200;
/** For one page. A second passes well before the API's 30. */
const MAX_BATCHES = 10;

/** Throws FORBIDDEN (another member's, and no operator asks), on record. */
export async function listDeployments(
  member: Member,
  query: DeploymentListQuery,
  ports: ReadDeploymentsPorts,
): Promise<z.infer<typeof deploymentListResponse>> {
  const { memberId = member.memberId } = query;
  if (memberId !== member.memberId) {
    // Whether there is such a member changes nothing.
    const read = `the list of ${memberId}'s deployments`;
    await requireReadingOperator(member, 'deployment.read', "list another member's deployments", read, ports);
  }
  const { deployments, behind } = await readPage(memberId, query, ports.deployments);
  return {
    deployments: deployments.map((one) => shownTo(member, one)),
    ...(behind !== undefined && { next: z.encode(nextToken, behind) }),
  };
}

/** `behind`: the deployment that the next page begins behind, where there may be one. */
async function readPage(memberId: string, query: DeploymentListQuery, store: DeploymentStore) {
  const { limit = MAX_PAGE_DEPLOYMENTS } = query;
  const deployments: Deployment[] = [];
  let behind = query.next;
  // Without filters these are enough: the page, and one to know that there is another page.
  let size = limit + 1;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const rows = await store.listByMember(memberId, behind, size);
    for (const row of rows) {
      const isWanted = matches(row, query);
      if (isWanted && deployments.length === limit) return { deployments, behind };
      if (isWanted) deployments.push(row);
      behind = row.deploymentId;
    }
    if (rows.length < size) return { deployments };
    size = BATCH_ROWS;
  }
  return { deployments, behind };
}

function matches({ siteId, imageName, imageVersion, phase }: Deployment, query: DeploymentListQuery): boolean {
  return (
    (query.siteId === undefined || query.siteId === siteId) &&
    (query.imageName === undefined || query.imageName === imageName) &&
    (query.imageVersion === undefined || query.imageVersion === imageVersion) &&
    (query.phase === undefined || query.phase.includes(phase))
  );
}
