/**
 * The hosts that an image's files may send this site to: those of the operator's list, and there only addresses of the public
 * internet, unless the list says otherwise. So no image makes the agent ask what only this host can reach.
 */
import { BlockList, isIP } from 'node:net';
import { EdgebootError } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';

/** One entry of the operator's list. */
export interface HostRule {
  /** As a URL has it: lower case, addresses in their one canonical form. */
  readonly hostname: string;
  /** `''` for the scheme's own. */
  readonly port: string;
  /** Addresses that the host may have; `undefined` for all public ones. */
  readonly networks: BlockList | undefined;
}

/** IANA's registries of special-purpose addresses: nothing in them is a public host. */
const SPECIAL_IPV4 = blockListOf('ipv4', [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4'],
]);
/** Global unicast is 2000::/3; of that, what carries IPv4 addresses inside is left out, too. */
const SPECIAL_IPV6 = blockListOf('ipv6', [
  ...['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'],
]);

/**
 * An entry is a host, `host:port`, or either with the network that its addresses lie in: `images.campus.example=10.20.0.0/16`. Of an
 * address as the host, that address is meant, wherever it lies. Throws INVALID_CONFIG.
 */
export function parseHostRule(entry: string): HostRule {
  const [host = '', network, ...rest] = entry.split('=');
  const text = `http://${host}/`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // What is no host alone comes back with something else in its place; a pattern is none, either.
  const isHost = url !== undefined && url.href === `http://${url.host}/` && /^[a-z0-9.:[\]-]+$/.test(url.host);
  if (!isHost || rest.length > 0) throw badEntry(entry);
  const networks = network === undefined ? ownNetwork(url.hostname) : parseNetwork(network, entry);
  return { hostname: url.hostname, port: url.port, networks };
}

/** The rule that a URL of an image's falls under. Throws FORBIDDEN where there is none, or its address is none that it may have. */
export function requireListedHost(address: string, entries: readonly string[]): HostRule {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const rules = entries.map(parseHostRule);
  const rule = rules.find(({ hostname, port }) => hostname === url?.hostname && port === url.port);
  if (url === undefined || !/^https?:$/.test(url.protocol) || rule === undefined) {
    throw refusal(url?.host ?? address, "is not in the operator's list of repository hosts");
  }
  const literal = addressOf(url.hostname);
  if (literal !== undefined && !allowsAddress(literal, rule)) throw refusedAddress(literal, rule);
  return rule;
}

export function allowsAddress(address: string, { networks }: HostRule): boolean {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (networks !== undefined) return networks.check(address, family);
  return !(family === 'ipv6' ? SPECIAL_IPV6 : SPECIAL_IPV4).check(address, family);
}

export function refusedAddress(address: string, { hostname }: HostRule): EdgebootError {
  return refusal(hostname, `leads to ${address}, which it may not`);
}

function refusal(host: string, why: string): EdgebootError {
  return new EdgebootError('FORBIDDEN', `${boundedText(host.slice(0, 253))}, which the image names, ${why}`, {
    remedy: 'If you trust it, add it to repositoryHosts of the configuration: host, host:port or host=10.0.0.0/8.',
  });
}

/** An address in a URL's host, without the brackets of IPv6. */
function addressOf(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? undefined : bare;
}

function ownNetwork(hostname: string): BlockList | undefined {
  const address = addressOf(hostname);
  return address === undefined ? undefined : parseNetwork(`${address}/${isIP(address) === 6 ? 128 : 32}`, hostname);
}

function parseNetwork(text: string, entry: string): BlockList {
  const [, address = '', prefix] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(prefix) > (family === 6 ? 128 : 32)) throw badEntry(entry);
  return blockListOf(family === 6 ? 'ipv6' : 'ipv4', [text]);
}

function blockListOf(family: 'ipv4' | 'ipv6', networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix] = network.split('/');
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function badEntry(entry: string): EdgebootError {
  return new EdgebootError('INVALID_CONFIG', `repositoryHosts: "${boundedText(entry)}" is no host`, {
    remedy: 'Write images.example.org, images.example.org:8080 or images.example.org=10.20.0.0/16.',
  });
}
