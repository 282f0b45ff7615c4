/**
 * Verifies signed URLs as CloudFront documents it (developer guide, "Restrict content with signed URLs"). Pure.
 *
 * Where the guide is silent, this is strict: a parameter of the signature given twice and an unknown Hash-Algorithm are
 * `AccessDenied`, no signature at all is `MalformedSignature`, neither Policy nor Expires is `MalformedPolicy`. With both, Policy
 * counts: signers in wide use send both.
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { cannedPolicyText, parsePolicy, policyAllows } from './policy.ts';
import { refusal, type Refusal } from './refusal.ts';

export interface ViewerRequest {
  /** `http(s)://<Host header><request target>`, not normalized. */
  readonly url: string;
  /** IPv4. */
  readonly viewerAddress: string;
}

/** A public key of the key group that the distribution trusts. */
export interface TrustedKey {
  readonly keyPairId: string;
  readonly publicKeyPem: string;
}

const SIGNING_PARAMETERS = ['Expires', 'Policy', 'Signature', 'Key-Pair-Id', 'Hash-Algorithm'] as const;
type SigningParameter = (typeof SIGNING_PARAMETERS)[number];

/** Names of `Hash-Algorithm`, and node's for them. RSA signs with PKCS #1 v1.5, P-256 with ECDSA in DER. */
const HASHES = new Map([
  ['SHA1', 'sha1'],
  ['SHA256', 'sha256'],
]);

/** @param nowSeconds Unix time at which the request began; a body that is under way when the policy expires still ends well. */
export function verifySignedUrl(
  request: ViewerRequest,
  keyGroup: readonly TrustedKey[],
  nowSeconds: number,
): 'allowed' | Refusal {
  const { baseUrl, parameters } = splitSignedUrl(request.url);
  if (Object.values(parameters).some((values) => values.length > 1)) return refusal('AccessDenied');

  const keyPairId = parameters['Key-Pair-Id'][0] ?? '';
  if (keyPairId === '') return refusal('MissingKey');
  const publicKey = trustedPublicKey(keyGroup, keyPairId);
  if (publicKey === undefined) return refusal('InvalidKey');

  const signature = decodeBase64(parameters.Signature[0] ?? '');
  if (signature === undefined) return refusal('MalformedSignature');
  const policyText = policyTextOf(baseUrl, parameters);
  const policy = policyText === undefined ? undefined : parsePolicy(policyText.toString('utf8'));
  if (policyText === undefined || policy === undefined) return refusal('MalformedPolicy');

  const hash = HASHES.get(parameters['Hash-Algorithm'][0] ?? 'SHA1');
  if (hash === undefined || !verify(hash, policyText, publicKey, signature)) return refusal('AccessDenied');
  if (!policyAllows(policy, { url: baseUrl, viewerAddress: request.viewerAddress }, nowSeconds)) {
    return refusal('AccessDenied');
  }
  return 'allowed';
}

interface SplitUrl {
  /** What a policy's Resource speaks of: the URL with the viewer's own parameters only, exactly as they came. */
  readonly baseUrl: string;
  readonly parameters: Readonly<Record<SigningParameter, readonly string[]>>;
}

function splitSignedUrl(url: string): SplitUrl {
  const [address = '', ...query] = url.split('?');
  const parameters: Record<SigningParameter, string[]> = {
    Expires: [],
    Policy: [],
    Signature: [],
    'Key-Pair-Id': [],
    'Hash-Algorithm': [],
  };
  const viewersOwn: string[] = [];
  for (const pair of query.join('?').split('&')) {
    const [name = '', ...value] = pair.split('=');
    const known = SIGNING_PARAMETERS.find((parameter) => parameter === decodePercent(name));
    if (known === undefined) viewersOwn.push(pair);
    else parameters[known].push(decodePercent(value.join('=')));
  }
  const rest = viewersOwn.join('&');
  return { baseUrl: rest === '' ? address : `${address}?${rest}`, parameters };
}

/** The bytes that were signed: those in the URL for a custom policy, those that the guide prescribes for a canned one. */
function policyTextOf(baseUrl: string, parameters: SplitUrl['parameters']): Buffer | undefined {
  const [customPolicy] = parameters.Policy;
  if (customPolicy !== undefined) return decodeBase64(customPolicy);
  const [expires = ''] = parameters.Expires;
  return /^\d{1,10}$/.test(expires) ? Buffer.from(cannedPolicyText(baseUrl, Number(expires))) : undefined;
}

/** A key that CloudFront would not have taken into a key group (RSA 2048 and ECDSA P-256 only) is an unknown one. */
function trustedPublicKey(keyGroup: readonly TrustedKey[], keyPairId: string): KeyObject | undefined {
  const trusted = keyGroup.find((key) => key.keyPairId === keyPairId);
  if (trusted === undefined) return undefined;
  const key = createPublicKey(trusted.publicKeyPem);
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  return (key.asymmetricKeyType === 'rsa' && modulusLength === 2048) || namedCurve === 'prime256v1' ? key : undefined;
}

/** Base64 with `-` for `+`, `_` for `=` and `~` for `/`; nothing else, since those have meanings of their own in a query. */
function decodeBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9~-]+_{0,2}$/.test(text) || text.replaceAll('_', '').length % 4 === 1) return undefined;
  return Buffer.from(text.replaceAll('-', '+').replaceAll('~', '/').replaceAll('_', '='), 'base64');
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
