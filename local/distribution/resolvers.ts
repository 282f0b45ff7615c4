/**
 * DNS as a viewer meets it: CloudFront answers by where the RESOLVER is. So there is one small DNS server per edge location, standing
 * for a resolver near it, and each gives the distribution's host the address of its own location.
 */
import { once } from 'node:events';
import dns2 from 'dns2';

const { Packet } = dns2;
/** As CloudFront's own answers. */
const TTL_SECONDS = 60;
/** NXDOMAIN (RFC 1035, section 4.1.1). */
const NAME_ERROR = 3;

export interface Resolver {
  /** Code of the edge location that is nearest to this resolver. */
  readonly near: string;
  /** `address:port`, as `Resolver.setServers` of node:dns takes it. */
  readonly server: string;
}

export interface RunningResolver extends Resolver {
  close(): Promise<void>;
}

/**
 * Listens on UDP, on host number 53 of the location's /24, at a port of the system's choice. A for `host` is answered with the
 * location's address; AAAA and every other type with nothing (IPv6 is off on the distribution); another name does not exist.
 */
export async function startResolver(
  host: string,
  location: { code: string; address: string },
): Promise<RunningResolver> {
  const listenAddress = location.address.replace(/\d+$/, '53');
  const server = dns2.createUDPServer((request, send) => {
    const response = Packet.createResponseFromRequest(request);
    response.header.ra = 1;
    const [question] = request.questions;
    if (question?.name.toLowerCase() !== host) {
      response.header.rcode = NAME_ERROR;
    } else if (question.type === Packet.TYPE.A) {
      response.answers.push(
        Packet.createResourceFromQuestion(question, { ttl: TTL_SECONDS, address: location.address }),
      );
    }
    void send(response);
  });
  void server.listen(0, listenAddress);
  await once(server, 'listening');
  return {
    near: location.code,
    server: `${listenAddress}:${server.address().port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}
