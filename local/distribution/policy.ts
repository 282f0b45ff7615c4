/** The policy that a signed URL carries (custom) or implies (canned), and whether it lets a request through. Pure. */
import { BlockList, isIPv4 } from 'node:net';
import * as z from 'zod';

/** CloudFront reads times as 32-bit integers: milliseconds by mistake are a malformed policy. */
const EPOCH_SECONDS = z
  .int()
  .nonnegative()
  .max(2 ** 31 - 1);

/**
 * A policy statement as the CloudFront developer guide writes it ("Create a signed URL using a custom policy"): one statement, every
 * name exactly as specified, times not in quotes, addresses as one IPv4 CIDR, DateLessThan always there.
 */
const policySchema = z.strictObject({
  Statement: z.tuple([
    z.strictObject({
      /** Omitted: every object of every distribution that trusts the key. */
      Resource: z
        .string()
        .regex(/^(?:http|\*)/)
        .optional(),
      Condition: z.strictObject({
        DateLessThan: z.strictObject({ 'AWS:EpochTime': EPOCH_SECONDS }),
        DateGreaterThan: z.strictObject({ 'AWS:EpochTime': EPOCH_SECONDS }).optional(),
        IpAddress: z.strictObject({ 'AWS:SourceIp': z.cidrv4() }).optional(),
      }),
    }),
  ]),
});

export type Policy = z.infer<typeof policySchema>;

/** @returns undefined where the text is no policy. */
export function parsePolicy(text: string): Policy | undefined {
  try {
    return policySchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The text that a canned policy stands for; it is never in the URL, signer and edge each build it. */
export function cannedPolicyText(url: string, expiresSeconds: number): string {
  return JSON.stringify({
    Statement: [{ Resource: url, Condition: { DateLessThan: { 'AWS:EpochTime': expiresSeconds } } }],
  });
}

export interface JudgedRequest {
  /** As the viewer asked, without the parameters of the signature. */
  readonly url: string;
  /** IPv4. */
  readonly viewerAddress: string;
}

export function policyAllows(policy: Policy, request: JudgedRequest, nowSeconds: number): boolean {
  const [{ Resource, Condition }] = policy.Statement;
  return (
    nowSeconds < Condition.DateLessThan['AWS:EpochTime'] &&
    nowSeconds >= (Condition.DateGreaterThan?.['AWS:EpochTime'] ?? 0) &&
    (Condition.IpAddress === undefined || isInNetwork(request.viewerAddress, Condition.IpAddress['AWS:SourceIp'])) &&
    (Resource === undefined || matchesResource(Resource, request.url))
  );
}

/** `*` stands for any characters, none included, `?` for exactly one; both may stand anywhere, also for `/` and for `?` itself. */
export function matchesResource(pattern: string, url: string): boolean {
  let p = 0;
  let u = 0;
  /** Where to go on when what follows the last star does not fit: the star takes one more character. */
  let retry: { afterStar: number; taken: number } | undefined;
  while (u < url.length) {
    if (pattern[p] === '*') {
      p += 1;
      retry = { afterStar: p, taken: u };
    } else if (pattern[p] === '?' || pattern[p] === url[u]) {
      p += 1;
      u += 1;
    } else if (retry === undefined) {
      return false;
    } else {
      retry.taken += 1;
      u = retry.taken;
      p = retry.afterStar;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}

function isInNetwork(address: string, cidr: string): boolean {
  const [network = '', prefixBits = ''] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(prefixBits), 'ipv4');
  return isIPv4(address) && list.check(address, 'ipv4');
}
