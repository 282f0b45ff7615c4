import { certifyPublisherRequest } from '#shared/api/trust.ts';
import { composeApi, composeCertifyPublisher } from '../compose.ts';
import { apiHandler } from '../http/api-handler.ts';
import { requireMember } from '../http/identity.ts';
import { certifyPublisher } from './certify-publisher.ts';

const ports = composeCertifyPublisher();

export const handler = apiHandler(composeApi(), async (request) => {
  const member = requireMember(request.identity);
  if (request.routeKey === 'GET /v1/trust') {
    const certificate = await ports.publishers.findCertificate(member.memberId);
    return { status: 200, body: { rootPublicKeyPem: ports.rootPublicKeyPem, certificate } };
  }
  const { certificate } = request.body(certifyPublisherRequest);
  return { status: 200, body: { memberId: await certifyPublisher(member, certificate, ports) } };
});
