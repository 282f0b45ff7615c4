/** IPv4 addresses as numbers. */

/** @param address dotted decimal, checked before. */
export function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

export function addressOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
}

/** All addresses from `first` to `last`, both included. */
export function addressRange(first: string, last: string): string[] {
  const addresses = [];
  for (let number = numberOf(first); number <= numberOf(last); number++) addresses.push(addressOf(number));
  return addresses;
}

export interface Subnet {
  /** The network's own address. */
  readonly base: number;
  /** The broadcast address. */
  readonly last: number;
  readonly netmask: string;
}

/** @param cidr `a.b.c.d/n`, checked before; bits of the host may be set. */
export function subnetOf(cidr: string): Subnet {
  const [address = '', bits = '32'] = cidr.split('/');
  return subnetAround(address, addressOf(maskOf(Number(bits))));
}

/** The subnet that an address lies in. */
export function subnetAround(address: string, netmask: string): Subnet {
  const mask = numberOf(netmask);
  const base = (numberOf(address) & mask) >>> 0;
  return { base, last: (base | (~mask >>> 0)) >>> 0, netmask };
}

/** Ones, then zeros. */
export function isNetmask(netmask: string): boolean {
  const hostBits = ~numberOf(netmask) >>> 0;
  return (hostBits & (hostBits + 1)) === 0;
}

const maskOf = (bits: number): number => (bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0);
