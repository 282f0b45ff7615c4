/**
 * A cluster's private network: its own layer 2, so that every cluster may use the same addresses, as with the original tools
 * (formats, section 5): the frontend is 10.1.1.1, computes count down from the top.
 */
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';
import { addressOf, isNetmask, numberOf, subnetAround } from './ipv4.ts';

export const privateNetworkSchema = z.strictObject({
  netmask: z.ipv4(),
  frontendAddress: z.ipv4(),
  /** Nobody's: what the agent asks in the name of when it looks for a node. */
  inquiryAddress: z.ipv4(),
  /** Where DHCP and user data are served from. */
  serverAddress: z.ipv4(),
});
export type PrivateNetwork = z.infer<typeof privateNetworkSchema>;

export const STANDARD_PRIVATE_NETWORK = { address: '10.1.1.1', netmask: '255.255.0.0' } as const;

/** @param frontend as an image's description has it. Throws IMAGE_NOT_COMPLIANT where that is no address of a subnet. */
export function planPrivateNetwork(frontend: { readonly address: string; readonly netmask: string }): PrivateNetwork {
  const { address, netmask } = frontend;
  const { base, last } = subnetAround(address, netmask);
  const own = numberOf(address);
  if (!isNetmask(netmask) || own <= base || own >= last || last - base < 4) {
    throw new EdgebootError('IMAGE_NOT_COMPLIANT', `${address} ${netmask} is no address of a private network`, {
      step: 'allocate',
    });
  }
  const [inquiryAddress = '', serverAddress = ''] = [base + 1, base + 2, base + 3]
    .filter((number) => number !== own)
    .map(addressOf);
  return { netmask, frontendAddress: address, inquiryAddress, serverAddress };
}

/** The computes' addresses. Throws NO_CAPACITY where there are not enough. */
export function computeAddresses(network: PrivateNetwork, count: number): string[] {
  const { base, last } = subnetAround(network.frontendAddress, network.netmask);
  const taken = new Set([network.frontendAddress, network.inquiryAddress, network.serverAddress].map(numberOf));
  const addresses: string[] = [];
  for (let number = last - 1; number > base && addresses.length < count; number--) {
    if (!taken.has(number)) addresses.push(addressOf(number));
  }
  if (addresses.length === count) return addresses;
  throw new EdgebootError('NO_CAPACITY', `the private network has no ${count} addresses for computes`, {
    step: 'allocate',
  });
}
