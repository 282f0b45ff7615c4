/** HTTP connections to one address, whatever the URL's host: Host header and SNI stay the host's, so an edge can be chosen. */
import { isIP, type LookupFunction } from 'node:net';
import { Agent } from 'undici';

/** An edge that sends nothing for so long is given up. */
const SILENCE_SECONDS = 15;
const CONNECT_SECONDS = 5;

/** @param address `undefined` leaves the choice to the system's resolver */
export function createPinnedAgent(address: string | undefined, connections: number): Agent {
  return new Agent({
    connections,
    // HTTP/2 would put all parts on one TCP connection.
    allowH2: false,
    headersTimeout: SILENCE_SECONDS * 1000,
    bodyTimeout: SILENCE_SECONDS * 1000,
    connect: { timeout: CONNECT_SECONDS * 1000, ...(address === undefined ? {} : { lookup: pinnedLookup(address) }) },
  });
}

function pinnedLookup(address: string): LookupFunction {
  const family = isIP(address);
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
