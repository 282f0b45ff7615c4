import { messageOf } from '#shared/errors.ts';
import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda';
import { composeAuthorizeRequest } from '../compose.ts';
import type { IdentityContext } from '../http/identity.ts';
import { authorizeRequest } from './authorize-request.ts';

const ports = composeAuthorizeRequest();

/** Lambda authorizer, payload 2.0, simple responses. HTTP API answers 401 for exactly the error text 'Unauthorized'. */
export const handler = async (
  event: APIGatewayRequestAuthorizerEventV2,
): Promise<APIGatewaySimpleAuthorizerWithContextResult<IdentityContext>> => {
  const { method } = event.requestContext.http;
  // The real path. requestContext.http.path is the same on AWS, but the route's template under serverless-offline.
  const path = event.rawPath;
  try {
    const context = await authorizeRequest(event.identitySource[0], { method, path }, ports);
    return { isAuthorized: true, context };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
    ports.log.info('request not authenticated', {
      requestId: event.requestContext.requestId,
      operation: event.routeKey,
      reason: `${messageOf(error)}${cause}`,
    });
    throw new Error('Unauthorized');
  }
};
