/**
 * Edge locations that may be near. CloudFront chooses by DNS, from where the RESOLVER is, not the site: so the operator may list
 * further resolvers, and every address that any of them gives is a candidate.
 */
import { lookup, Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

const RESOLVER_OPTIONS = { timeout: 1000, tries: 2 };

/**
 * IPv4 addresses of the host, the system's first, each once; none where nobody knows the name.
 * @param resolvers `address:port` or `address` of DNS servers
 */
export async function findEdgeCandidates(host: string, resolvers: readonly string[]): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const answers = await Promise.allSettled([askSystem(host), ...resolvers.map((server) => askResolver(host, server))]);
  return [...new Set(answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])))];
}

async function askSystem(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, family: 4 });
  return found.map(({ address }) => address);
}

async function askResolver(host: string, server: string): Promise<string[]> {
  const resolver = new Resolver(RESOLVER_OPTIONS);
  resolver.setServers([server]);
  return resolver.resolve4(host);
}
