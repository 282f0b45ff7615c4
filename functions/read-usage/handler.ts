import { usageQuery } from '#shared/api/usage.ts';
import { composeApi, composeReadUsage } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { readUsage } from './read-usage.ts';

const ports = composeReadUsage();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  return { status: 200, body: await readUsage(member, request.query(usageQuery), ports) };
});
