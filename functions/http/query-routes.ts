/**
 * Routes that take query parameters, whose schemas say which. Everywhere else one is a mistake that must not be overlooked: of
 * `POST /v1/deployments?dryRun=true` no deployment shall come. The API's description has the schemas, too large for every bundle.
 */
const QUERY_ROUTES: readonly string[] = [
  'GET /v1/audit',
  'GET /v1/audit/subjects',
  'GET /v1/deployments',
  'GET /v1/deployments/{deploymentId}/events',
  'GET /v1/sites/{siteId}/deployments',
  'GET /v1/usage',
];

export const takesQuery = (routeKey: string): boolean => QUERY_ROUTES.includes(routeKey);
