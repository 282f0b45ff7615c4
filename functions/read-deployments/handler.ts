import { EdgebootError } from '#shared/errors.ts';
import { ULID } from '#shared/names.ts';
import { composeApi, composeReadDeployments } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { findOwnDeployment, listDeployments, readEvents } from './read-deployments.ts';

const ports = composeReadDeployments();

/** Sequence numbers are kept with ten digits, and the first event that is answered is the next one. */
const MAX_AFTER = 9_999_999_998;

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  switch (request.routeKey) {
    case 'GET /v1/deployments':
      return { status: 200, body: await listDeployments(member, readCursor(request.query('before')), ports) };
    case 'GET /v1/deployments/{deploymentId}': {
      const deploymentId = request.pathParameter('deploymentId');
      const deployment = await findOwnDeployment(member, deploymentId, 'deployment.read', ports);
      return { status: 200, body: { deployment } };
    }
    case 'GET /v1/deployments/{deploymentId}/events': {
      const after = readSequence(request.query('after'));
      const events = await readEvents(member, request.pathParameter('deploymentId'), after, ports);
      return { status: 200, body: { events } };
    }
    default:
      throw new EdgebootError('NOT_FOUND', `there is no operation ${request.routeKey}`);
  }
});

function readSequence(text = '0'): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= MAX_AFTER) return Number(text);
  throw new EdgebootError('INVALID_REQUEST', 'after must be the sequence number of an event');
}

function readCursor(text: string | undefined): string | undefined {
  if (text === undefined || ULID.safeParse(text).success) return text;
  throw new EdgebootError('INVALID_REQUEST', 'before must be the id of a deployment');
}
