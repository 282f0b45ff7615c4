import { auditCountsRequest, auditQuery, auditSubjectsQuery } from '#shared/api/audit-trail.ts';
import { composeApi, composeReadAudit } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { countAudit, listAuditSubjects, readAudit } from './read-audit.ts';

const ports = composeReadAudit();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  switch (request.routeKey) {
    case 'GET /v1/audit':
      return { status: 200, body: await readAudit(member, request.query(auditQuery), ports) };
    case 'GET /v1/audit/subjects':
      return { status: 200, body: await listAuditSubjects(member, request.query(auditSubjectsQuery), ports) };
    default:
      return { status: 200, body: await countAudit(member, request.body(auditCountsRequest), ports) };
  }
});
