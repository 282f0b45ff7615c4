import { composeDescribeApi } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';

const ports = composeDescribeApi();

/** Where members log in: OAuth 2.0 Protected Resource Metadata (RFC 9728). Public. */
export const handler = apiHandler(ports.log, () =>
  Promise.resolve({ status: 200, body: { resource: ports.audience, authorization_servers: [ports.issuer] } }),
);
