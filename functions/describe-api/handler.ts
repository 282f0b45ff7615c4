import { composeDescribeApi } from '../compose.ts';
import { publicApiHandler } from '../http/api-handler.ts';
import { openApiDocument } from '../openapi/document.ts';

const ports = composeDescribeApi();
const description = openApiDocument(ports.issuer);

/** What the API is, and where members log in: OAuth 2.0 Protected Resource Metadata (RFC 9728). Public. */
export const handler = publicApiHandler(ports.log, (request) =>
  Promise.resolve({
    status: 200,
    body:
      request.routeKey === 'GET /v1/openapi.json'
        ? description
        : { resource: ports.audience, authorization_servers: [ports.issuer] },
  }),
);
