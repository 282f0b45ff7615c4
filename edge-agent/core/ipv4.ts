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
