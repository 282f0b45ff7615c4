/** HTTP connections as every source wants them. */
import type { LookupFunction } from 'node:net';
import { Agent } from 'undici';
import { reusingConnector } from './reusing-socket.ts';

/** A server that sends nothing for so long is given up. */
const SILENCE_SECONDS = 15;
const CONNECT_SECONDS = 5;

/**
 * Only for dispatch() with handlers that keep nothing of what they are given: http-get.ts.
 * @param lookup instead of the system's resolver
 */
export function createHttpAgent(connections: number, lookup?: LookupFunction): Agent {
  return new Agent({
    connections,
    // HTTP/2 would put all parts on one TCP connection.
    allowH2: false,
    headersTimeout: SILENCE_SECONDS * 1000,
    bodyTimeout: SILENCE_SECONDS * 1000,
    connect: reusingConnector({ timeout: CONNECT_SECONDS * 1000, ...(lookup && { lookup }) }),
  });
}
