/** A hundred signed URLs, the same in every run but for the key: custom policies as our mint signs them, and canned ones; half spoiled. */
import { getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { mintUrls } from '../../functions/mint-urls/mint-urls.ts';
import { cannedPolicyText } from '../../local/distribution/policy.ts';
import type { SigningKeyPair } from '../../local/signing-key-pair.ts';
import { seededRandom } from './seeded-random.ts';

const DISTRIBUTION_URL = 'https://d111111abcdef8.cloudfront.net';
const GRANT_SECONDS = 15 * 60;
const COUNT = 100;
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** What is done to every second vector, one after the other. */
const SPOILS = ['late', 'elsewhere', 'signature', 'text', 'address', 'key', 'hash'] as const;
type Spoil = (typeof SPOILS)[number];

export interface SignatureVector {
  readonly name: string;
  /** What another signer is asked for, to come to the same URL. */
  readonly asked: {
    readonly url: string;
    readonly expires: number;
    readonly resource?: string;
    readonly address?: string;
  };
  /** As it was signed, before it was spoiled. */
  readonly signedUrl: string;
  /** As a viewer sends it, from where, and when. */
  readonly url: string;
  readonly viewerAddress: string;
  readonly atSeconds: number;
  /** The text that the URL says was signed, or stands for. */
  readonly policyText: string;
  readonly signature: Buffer;
  /** Whether the signature is one of this text. */
  readonly isTrue: boolean;
  /** Whether the edge lets it through. */
  readonly isAllowed: boolean;
}

/** Of a real edge, where neither the time nor the viewer's address is to be chosen. */
export interface RealObject {
  readonly distributionUrl: string;
  readonly imageId: string;
  /** Below the image. */
  readonly path: string;
  readonly nowSeconds: number;
}

/** @param real an object that every URL is to name; the viewer's address is none of 198.51.100.0/24 then */
export function signatureVectors(pair: SigningKeyPair, real?: RealObject): Promise<SignatureVector[]> {
  const random = seededRandom(20261126);
  const below = (limit: number): number => Math.floor(random() * limit);
  const id = () => Array.from({ length: 26 }, (_, i) => CROCKFORD[below(i === 0 ? 8 : 32)]).join('');
  return Promise.all(
    Array.from({ length: COUNT }, (_, i) => {
      const spoil = i % 2 === 1 ? SPOILS[Math.floor(i / 2) % SPOILS.length] : undefined;
      const invented = {
        distributionUrl: DISTRIBUTION_URL,
        nowSeconds: 1_790_000_000 + below(50_000_000),
        imageId: id(),
        path: `parts/${id()}`,
        address: below(2) === 0 ? `198.51.100.${below(256)}` : undefined,
      };
      // What is late was signed so long ago that it is late now.
      const signed = real && {
        ...real,
        nowSeconds: real.nowSeconds - (spoil === 'late' ? 2 * GRANT_SECONDS : 0),
        address: undefined,
      };
      return makeVector(pair, { isCustom: i % 4 < 2, spoil, ...(signed ?? invented) });
    }),
  );
}

interface Wish {
  readonly isCustom: boolean;
  readonly spoil: Spoil | undefined;
  readonly distributionUrl: string;
  readonly nowSeconds: number;
  readonly imageId: string;
  readonly path: string;
  readonly address: string | undefined;
}

async function makeVector(pair: SigningKeyPair, wish: Wish): Promise<SignatureVector> {
  const { isCustom, spoil, nowSeconds, imageId } = wish;
  const address = isCustom ? (spoil === 'address' ? '198.51.100.7' : wish.address) : undefined;
  const url = `${wish.distributionUrl}/images/${imageId}/${wish.path}`;
  const expires = nowSeconds + GRANT_SECONDS;
  const [asked, signedUrl] = isCustom
    ? await signCustom(pair, wish, url, address)
    : [{ url, expires }, signCanned(pair, url, expires)];
  const spoiled = spoilUrl(signedUrl, spoil, isCustom);
  const query = new URL(spoiled).searchParams;
  const base = spoiled.split('?')[0] ?? '';
  const policy = query.get('Policy');
  const isTrue = !(['signature', 'text', 'hash'] as unknown[]).includes(spoil) && (isCustom || spoil !== 'elsewhere');
  const isHarmless = spoil === undefined || (spoil === 'address' && address === undefined);
  return {
    name: `${isCustom ? 'custom' : 'canned'}, ${spoil ?? 'as signed'}, ${wish.path}`,
    asked,
    signedUrl,
    url: spoiled,
    viewerAddress: spoil === 'address' ? '198.51.100.8' : (address ?? '203.0.113.9'),
    atSeconds: spoil === 'late' ? expires : expires - 1,
    policyText:
      policy === null ? cannedPolicyText(base, Number(query.get('Expires'))) : decode(policy).toString('utf8'),
    signature: decode(query.get('Signature') ?? ''),
    isTrue,
    isAllowed: isHarmless,
  };
}

async function signCustom(
  pair: SigningKeyPair,
  { distributionUrl, imageId, nowSeconds }: Wish,
  url: string,
  egressAddress: string | undefined,
): Promise<readonly [SignatureVector['asked'], string]> {
  const grant = await mintUrls(
    { imageId, ...(egressAddress !== undefined && { egressAddress }) },
    {
      signingKeys: { current: () => Promise.resolve(pair) },
      distributionUrl,
      now: () => new Date(nowSeconds * 1000),
    },
  );
  const expires = Date.parse(grant.expiresAt) / 1000;
  const bound = egressAddress === undefined ? {} : { address: `${egressAddress}/32` };
  return [{ url, expires, resource: grant.resource, ...bound }, `${url}?${grant.signedQuery}`];
}

const signCanned = ({ keyPairId, privateKeyPem }: SigningKeyPair, url: string, expires: number): string =>
  getSignedUrl({
    ...{ url, keyPairId, privateKey: privateKeyPem, algorithm: 'SHA256' },
    dateLessThan: new Date(expires * 1000),
  });

/** What is changed in the URL; lateness and another address are the viewer's. */
function spoilUrl(url: string, spoil: Spoil | undefined, isCustom: boolean): string {
  switch (spoil) {
    case 'elsewhere':
      return url.replace(/images\/./, 'images/Z');
    case 'signature':
      return spoilSignature(url);
    case 'text':
      if (!isCustom) return replaceIn(url, 'Expires', (seconds) => String(Number(seconds) + 1));
      return replaceIn(url, 'Policy', (policy) => encode(Buffer.from(later(decode(policy).toString()))));
    case 'key':
      return replaceIn(url, 'Key-Pair-Id', () => 'KAAAAAAAAAAAAA');
    case 'hash':
      return replaceIn(url, 'Hash-Algorithm', () => 'SHA1');
    default:
      return url;
  }
}

/** The same URL with one bit of its signature flipped. */
export const spoilSignature = (url: string): string =>
  replaceIn(url, 'Signature', (signature) => encode(flipBit(decode(signature), 100)));

const replaceIn = (url: string, name: string, change: (value: string) => string): string =>
  url.replace(new RegExp(`([?&]${name}=)([^&]*)`), (_all, before: string, value: string) => before + change(value));
const later = (policy: string): string =>
  policy.replace(/(?<=EpochTime":)\d+/, (seconds) => String(Number(seconds) + 1));
const decode = (text: string): Buffer =>
  Buffer.from(text.replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64');
const encode = (bytes: Buffer): string =>
  bytes.toString('base64').replaceAll('+', '-').replaceAll('=', '_').replaceAll('/', '~');

function flipBit(bytes: Buffer, position: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[position] = (flipped[position] ?? 0) ^ 1;
  return flipped;
}
