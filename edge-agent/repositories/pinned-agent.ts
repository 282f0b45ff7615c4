/** HTTP connections to one address, whatever the URL's host: Host header and SNI stay the host's, so an edge can be chosen. */
import { isIP, type LookupFunction } from 'node:net';
import type { Agent } from 'undici';
import { createHttpAgent } from './http-agent.ts';

/** @param address `undefined` leaves the choice to the system's resolver */
export function createPinnedAgent(address: string | undefined, connections: number): Agent {
  return createHttpAgent(connections, address === undefined ? undefined : pinnedLookup(address));
}

function pinnedLookup(address: string): LookupFunction {
  const family = isIP(address);
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
