/** Hears and sends ARP on one bridge of this host, through a packet socket of Linux: packet(7). No call waits. */
import { constants } from 'node:os';
import koffi from 'koffi';
import { EdgebootError } from '#shared/errors.ts';
import { ARP_PACKET_BYTES, formatMacAddress } from '../core/arp.ts';

const AF_PACKET = 17;
/** Packets come without, and are given, their Ethernet header. */
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const ETH_P_ARP = 0x0806;
/** `sockaddr_ll`: family, protocol, interface, hardware type, packet type, length of the address, address. */
const ADDRESS_BYTES = 20;
const MAC_OFFSET = 12;
const MAC_BYTES = 6;
const { EAGAIN, EINTR, EPERM, EACCES } = constants.errno;
/** What guests send faster than we look is left to the kernel, whose buffer is bounded. */
const MAX_PACKETS_AT_ONCE = 256;

export interface ArpSocket {
  /** The bridge's own. */
  readonly macAddress: string;
  /** Packets that have come, from their first byte after the Ethernet header; `undefined` when the bridge is gone. */
  receive(): Buffer[] | undefined;
  /** To everybody on the bridge. What cannot be sent is lost, as on any Ethernet. */
  broadcast(packet: Buffer): void;
  close(): void;
}

/**
 * @returns `undefined` while there is no such bridge.
 * @throws EdgebootError PREREQUISITE_MISSING when we may not listen.
 */
export function openArpSocket(bridge: string): ArpSocket | undefined {
  const libc = loadLibc();
  const interfaceIndex = libc.interfaceIndex(bridge);
  if (interfaceIndex === 0) return undefined;
  // Without a protocol it hears nothing until it is bound to the bridge: other interfaces are none of our business.
  const socket = libc.socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw refused('socket');
  const close = (): void => void libc.close(socket);
  const address = linkAddress(interfaceIndex);
  const own = Buffer.alloc(ADDRESS_BYTES);
  const ownLength = Buffer.alloc(4);
  ownLength.writeUInt32LE(ADDRESS_BYTES);
  const isBound = libc.bind(socket, address, ADDRESS_BYTES) === 0 && libc.getsockname(socket, own, ownLength) === 0;
  if (!isBound) {
    close();
    return undefined;
  }

  const everybody = Buffer.from(address);
  everybody.writeUInt8(MAC_BYTES, MAC_OFFSET - 1);
  everybody.fill(0xff, MAC_OFFSET, MAC_OFFSET + MAC_BYTES);
  return {
    macAddress: formatMacAddress(own.subarray(MAC_OFFSET, MAC_OFFSET + MAC_BYTES)),
    receive: () => {
      const packets: Buffer[] = [];
      while (packets.length < MAX_PACKETS_AT_ONCE) {
        const packet = Buffer.alloc(ARP_PACKET_BYTES);
        const lengthBytes = libc.recv(socket, packet, packet.length, MSG_DONTWAIT);
        if (lengthBytes >= 0) packets.push(packet.subarray(0, lengthBytes));
        else if (koffi.errno() === EAGAIN) break;
        else if (koffi.errno() !== EINTR) return undefined;
      }
      return packets;
    },
    broadcast: (packet) => void libc.sendto(socket, packet, packet.length, MSG_DONTWAIT, everybody, ADDRESS_BYTES),
    close,
  };
}

function linkAddress(interfaceIndex: number): Buffer {
  const address = Buffer.alloc(ADDRESS_BYTES);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ARP, 2);
  address.writeInt32LE(interfaceIndex, 4);
  return address;
}

function refused(call: string): EdgebootError {
  const errno = koffi.errno();
  const reason = errno === EPERM || errno === EACCES ? 'not permitted' : `errno ${errno}`;
  return new EdgebootError('PREREQUISITE_MISSING', `ARP on private networks cannot be heard: ${call}: ${reason}`, {
    remedy: 'Run the agent as root, with the capability CAP_NET_RAW.',
  });
}

interface Libc {
  interfaceIndex(name: string): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(socket: number, address: Buffer, lengthBytes: number): number;
  getsockname(socket: number, address: Buffer, lengthBytes: Buffer): number;
  recv(socket: number, into: Buffer, lengthBytes: number, flags: number): number;
  sendto(socket: number, from: Buffer, lengthBytes: number, flags: number, to: Buffer, toBytes: number): number;
  close(socket: number): number;
}

function loadLibc(): Libc {
  const library = koffi.load('libc.so.6');
  return {
    interfaceIndex: library.func('unsigned int if_nametoindex(const char *name)'),
    socket: library.func('int socket(int domain, int type, int protocol)'),
    bind: library.func('int bind(int socket, void *address, unsigned int length)'),
    getsockname: library.func('int getsockname(int socket, void *address, void *length)'),
    recv: library.func('long recv(int socket, void *buffer, size_t length, int flags)'),
    sendto: library.func(
      'long sendto(int socket, void *buffer, size_t length, int flags, void *to, unsigned int size)',
    ),
    close: library.func('int close(int socket)'),
  };
}
