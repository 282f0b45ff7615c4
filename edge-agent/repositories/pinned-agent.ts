/** HTTP connections to one address, whatever the URL's host: Host header and SNI stay the host's, so an edge can be chosen. */
import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import { createHttpAgent } from './http-agent.ts';

/** @param address `undefined` leaves the choice to the system's resolver, at each connection anew */
export function createPinnedAgent(address: string | undefined, connections: number): Agent {
  return createHttpAgent(connections, address === undefined ? lookupIpv4 : pinnedLookup(address));
}

/** Signed URLs may be bound to an address of the viewer's, which is an IPv4 one. */
const lookupIpv4: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, family: 4 }, callback);
};

function pinnedLookup(address: string): LookupFunction {
  const family = isIP(address);
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
