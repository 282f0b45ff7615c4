/** Is an address of a network in use, though nobody told us? Asked before it is given to a cluster (RFC 5227, section 2.1.1). */
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { buildArpRequest, parseArpProbe, parseArpSender } from '../core/arp.ts';
import { openArpSocket } from './arp-socket.ts';

const PROBES = 3;
const LISTENS_PER_PROBE = 3;
const LISTEN_SECONDS = 0.1;
/** Who asks in the name of nobody disturbs no one's memory of addresses. */
const NOBODY = '0.0.0.0';

/**
 * Takes about a second where nobody answers. Whoever examines the address for himself at the same time counts as its user, too.
 * @param bridge on which the network is; `false` while there is none: nobody can be on it then.
 * @throws EdgebootError PREREQUISITE_MISSING when we may not listen.
 */
export async function probeAddress(bridge: string, address: string): Promise<boolean> {
  if (isOurOwn(address)) return true;
  const socket = openArpSocket(bridge);
  if (socket === undefined) return false;
  const isClaim = (packet: Buffer): boolean => {
    const claim = parseArpSender(packet) ?? parseArpProbe(packet);
    return claim?.address === address && claim.macAddress !== socket.macAddress;
  };
  try {
    const question = buildArpRequest({ macAddress: socket.macAddress, address: NOBODY }, address);
    for (let round = 0; round < PROBES * LISTENS_PER_PROBE; round++) {
      if (round % LISTENS_PER_PROBE === 0) socket.broadcast(question);
      await delay(LISTEN_SECONDS * 1000);
      if (socket.receive()?.some(isClaim) === true) return true;
    }
    return false;
  } finally {
    socket.close();
  }
}

/** The host does not answer what it asks itself. */
function isOurOwn(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((own) => own.address === address));
}
