/** Waits until a compute's network is up: until ARP from it is heard on its cluster's private bridge. */
import { setTimeout as delay } from 'node:timers/promises';
import { buildArpRequest, parseArpSender } from '../core/arp.ts';
import { bridgeName } from '../core/libvirt-names.ts';
import type { PrivateLink } from '../ports.ts';
import { openArpSocket } from './arp-socket.ts';

const LISTEN_SECONDS = 0.1;
const LISTENS_PER_QUESTION = 10;

/**
 * Many guests announce their address or look for their gateway, some say nothing until they are asked: so it asks, too. Not as a
 * probe from 0.0.0.0, which a guest that examines its address at that moment would take for a rival (RFC 5227), but in the name of
 * an address that is nobody's.
 * @returns `false` when there is no such bridge, or no longer, or time is up.
 * @throws EdgebootError PREREQUISITE_MISSING when we may not listen.
 */
export async function awaitArp(link: PrivateLink, until: AbortSignal): Promise<boolean> {
  const socket = openArpSocket(bridgeName(link.deploymentId));
  if (socket === undefined) return false;
  try {
    const inquirer = { macAddress: socket.macAddress, address: link.inquiryAddress };
    const question = buildArpRequest(inquirer, link.address);
    for (let round = 0; !until.aborted; round++) {
      if (round % LISTENS_PER_QUESTION === 0) socket.broadcast(question);
      const packets = socket.receive();
      if (packets === undefined) return false;
      const senders = packets.map((packet) => parseArpSender(packet));
      if (senders.some((sender) => sender?.macAddress === link.macAddress && sender.address === link.address))
        return true;
      await delay(LISTEN_SECONDS * 1000, undefined, { signal: until }).catch(() => undefined);
    }
    return false;
  } finally {
    socket.close();
  }
}
