import { hasCode, messageOf } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import type { APIGatewayRequestAuthorizerEventV2, APIGatewaySimpleAuthorizerWithContextResult } from 'aws-lambda';
import { composeAuthorizeRequest } from '../compose.ts';
import type { IdentityContext } from '../http/identity.ts';
import { authorizeRequest } from './authorize-request.ts';

const ports = composeAuthorizeRequest();

/**
 * Lambda authorizer, payload 2.0, simple responses. HTTP API answers 401 for exactly the error text 'Unauthorized', and 500 for
 * any other: a fault on our side is no refusal.
 */
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
    const fields = {
      requestId: event.requestContext.requestId,
      operation: event.routeKey,
      reason: boundedText(`${messageOf(error)}${cause}`),
    };
    if (hasCode(error, 'UNAUTHENTICATED')) {
      ports.log.info('request not authenticated', fields);
      throw new Error('Unauthorized');
    }
    ports.log.error('authentication failed for a reason on our side', fields);
    throw error;
  }
};
