/** Where agents of one site listen: `192.0.2.10:7070`, `[2001:db8::10]:7070`, `host2.example.org:7070`. Pure. */
import { isIP, isIPv6 } from 'node:net';

export interface PeerAddress {
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** `undefined` where it is none. */
export function parsePeerAddress(text: string): PeerAddress | undefined {
  const [, bracketed, plain = '', digits = ''] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const isHost = bracketed === undefined ? isIP(plain) === 4 || isHostName(plain) : isIPv6(bracketed);
  return isHost && port >= 1 && port <= 65_535 ? { host: bracketed ?? plain, port } : undefined;
}

/** An address, not a name: what a server can listen at. */
export const isListenAddress = (text: string): boolean => isIP(parsePeerAddress(text)?.host ?? '') !== 0;

/** What is made of numbers and dots alone is an address, or a mistake. */
const isHostName = (text: string): boolean => HOST_NAME.test(text) && !/^[0-9.]+$/.test(text);
