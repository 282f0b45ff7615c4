import { EdgebootError } from '#shared/errors.ts';
import { composeApi, composeOpenAgentSession } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireAgentOf } from '../http/require-agent.ts';
import { deliverOutbox } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';

const ports = composeOpenAgentSession();

/** One-hour credentials for the site's own queue. */
export const handler = apiHandler(composeApi(), async (request) => {
  const siteId = request.pathParameter('siteId');
  await requireAgentOf(siteId, request.identity, 'agent.session', ports);
  const site = await ports.sites.find(siteId);
  if (site === undefined) throw new EdgebootError('NOT_FOUND', `there is no site ${siteId}`);
  const entry = auditEntry(ports.now().toISOString(), {
    actor: `agent:${siteId}`,
    action: 'agent.session',
    decision: 'allow',
    siteId,
  });
  await ports.outbox.add([entry]);
  const credentials = await ports.siteCredentials.open(siteId, site.queueArn);
  await deliverOutbox([entry], ports);
  const { region, distributionUrl } = ports;
  return { status: 201, body: { region, queueUrl: site.queueUrl, distributionUrl, credentials } };
});
