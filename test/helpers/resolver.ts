/** A DNS server on loopback that knows every name. */
import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import dns2 from 'dns2';

export interface Resolver extends AsyncDisposable {
  /** `address:port` */
  readonly name: string;
}

/** @param answer IPv4 addresses, decided anew for each question */
export async function startResolver(answer: () => readonly string[], port = 0): Promise<Resolver> {
  const server = dns2.createServer({
    udp: true,
    handle(query, send) {
      const response = dns2.Packet.createResponseFromRequest(query);
      const [question] = query.questions;
      assert.ok(question !== undefined);
      const addresses = question.type === dns2.Packet.TYPE.A ? answer() : [];
      for (const address of addresses) {
        response.answers.push(dns2.Packet.createResourceFromQuestion(question, { ttl: 1, address }));
      }
      void send(response);
    },
  });
  await server.listen({ udp: { port, address: '127.0.0.1' } });
  const bound = server.addresses().udp as AddressInfo;
  return { name: `127.0.0.1:${bound.port}`, [Symbol.asyncDispose]: () => server.close() };
}
