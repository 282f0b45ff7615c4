/** ARP over Ethernet for IPv4 (RFC 826): pure. Packets come from guests, which are not trusted. */
import { addressOf, numberOf } from './ipv4.ts';

/** Who a packet says that it comes from. */
export interface ArpSender {
  /** Lower case, with colons. */
  readonly macAddress: string;
  /** Dotted decimal. */
  readonly address: string;
}

/** A packet of this kind has always this length; Ethernet may have padded it. */
export const ARP_PACKET_BYTES = 28;
const ETHERNET = 1;
const IPV4 = 0x0800;
const MAC_BYTES = 6;
const IPV4_BYTES = 4;
const REQUEST = 1;
const REPLY = 2;

/**
 * @param packet from the first byte after the Ethernet header.
 * @returns `undefined` unless it is a request or a reply from somebody with an address: a probe (RFC 5227) is from 0.0.0.0, which
 * says that the address is not in use yet.
 */
export function parseArpSender(packet: Buffer): ArpSender | undefined {
  const operation = operationOf(packet);
  if (operation !== REQUEST && operation !== REPLY) return undefined;
  const address = packet.readUInt32BE(SENDER_ADDRESS_OFFSET);
  if (address === 0) return undefined;
  return { macAddress: senderMac(packet), address: addressOf(address) };
}

/** @returns who wants to use which address; `undefined` unless it is a probe (RFC 5227, section 2.1.1). */
export function parseArpProbe(packet: Buffer): ArpSender | undefined {
  if (operationOf(packet) !== REQUEST || packet.readUInt32BE(SENDER_ADDRESS_OFFSET) !== 0) return undefined;
  return { macAddress: senderMac(packet), address: addressOf(packet.readUInt32BE(TARGET_ADDRESS_OFFSET)) };
}

const SENDER_ADDRESS_OFFSET = 14;
const TARGET_ADDRESS_OFFSET = 24;

/** `undefined` unless it is ARP for IPv4 over Ethernet. */
function operationOf(packet: Buffer): number | undefined {
  if (packet.length < ARP_PACKET_BYTES) return undefined;
  if (packet.readUInt16BE(0) !== ETHERNET || packet.readUInt16BE(2) !== IPV4) return undefined;
  if (packet.readUInt8(4) !== MAC_BYTES || packet.readUInt8(5) !== IPV4_BYTES) return undefined;
  return packet.readUInt16BE(6);
}

const senderMac = (packet: Buffer): string => formatMacAddress(packet.subarray(8, SENDER_ADDRESS_OFFSET));

/** Asks who has `wanted`. The answer goes to `sender`. */
export function buildArpRequest(sender: ArpSender, wanted: string): Buffer {
  const packet = Buffer.alloc(ARP_PACKET_BYTES);
  packet.writeUInt16BE(ETHERNET, 0);
  packet.writeUInt16BE(IPV4, 2);
  packet.writeUInt8(MAC_BYTES, 4);
  packet.writeUInt8(IPV4_BYTES, 5);
  packet.writeUInt16BE(REQUEST, 6);
  packet.write(sender.macAddress.replaceAll(':', ''), 8, MAC_BYTES, 'hex');
  packet.writeUInt32BE(numberOf(sender.address), SENDER_ADDRESS_OFFSET);
  packet.writeUInt32BE(numberOf(wanted), TARGET_ADDRESS_OFFSET);
  return packet;
}

export function formatMacAddress(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
