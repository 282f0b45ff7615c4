/** Lists of deployments, newest first, as the API answers them: a page at a time. */
import type { ApiClient } from '#shared/api-client.ts';
import { deploymentListResponse, MAX_PAGE_DEPLOYMENTS, type ShownDeployment } from '#shared/api/deployments.ts';
import { say } from './output.ts';

/** Parameters of the query. */
export type Query = Readonly<Record<string, string>>;

/** `next` is where a later call goes on, where there may be more. Pages may be short. */
export async function newestDeployments(
  api: ApiClient,
  path: string,
  filters: Query,
  limit: number,
  begin: string | undefined,
): Promise<{ deployments: ShownDeployment[]; next: string | undefined }> {
  const deployments: ShownDeployment[] = [];
  let next = begin;
  do {
    const room = Math.min(limit - deployments.length, MAX_PAGE_DEPLOYMENTS);
    const query = { ...filters, limit: String(room), ...(next !== undefined && { next }) };
    const page = await api.call({ method: 'GET', path, query, answer: deploymentListResponse });
    deployments.push(...page.deployments);
    next = page.next;
  } while (next !== undefined && deployments.length < limit);
  return { deployments, next };
}

export function sayThereAreOlder(next: string | undefined): void {
  if (next !== undefined) say(`There may be older ones: the same with --next ${next}, or with a larger --limit.`);
}
