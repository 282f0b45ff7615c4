/**
 * Mints the right to read one image for some minutes: ONE signed query that serves every object of the image, because a custom
 * policy's signature covers the policy and not the URL.
 * Source: CloudFront Developer Guide, "Create a signed URL using a custom policy".
 */
import { createPublicKey, createVerify } from 'node:crypto';
import { getSignedUrl } from '@aws-sdk/cloudfront-signer';
import { EdgebootError } from '#shared/errors.ts';
import type { Grant } from '#shared/grant.ts';
import { ULID } from '#shared/names.ts';
import * as z from 'zod';
import type { SigningKeys } from '../ports.ts';

const GRANT_SECONDS = 15 * 60;

/** The invoker's request. `imageId` is opaque and holds no wildcard character: nothing else can be asked for. */
export const mintRequestSchema = z.strictObject({ imageId: ULID, egressAddress: z.ipv4().optional() });

export interface MintUrlsPorts {
  readonly signingKeys: SigningKeys;
  /** Base URL of the distribution, for example `https://d111111abcdef8.cloudfront.net`. */
  readonly distributionUrl: string;
  readonly now: () => Date;
}

/** Throws INVALID_REQUEST. */
export async function mintUrls(input: unknown, ports: MintUrlsPorts): Promise<Grant> {
  const request = mintRequestSchema.safeParse(input);
  if (!request.success) throw new EdgebootError('INVALID_REQUEST', 'a mint request names one image by its ULID');
  const { keyPairId, privateKeyPem } = await ports.signingKeys.current();

  const expiresAtSeconds = Math.floor(ports.now().getTime() / 1000) + GRANT_SECONDS;
  const resource = `${ports.distributionUrl}/images/${request.data.imageId}/*`;
  const policy = accessPolicy(resource, expiresAtSeconds, request.data.egressAddress);
  const url = getSignedUrl({ url: resource, keyPairId, privateKey: privateKeyPem, policy, algorithm: 'SHA256' });
  const signedQuery = new URL(url).search.slice(1);

  requireTrueSignature(signedQuery, policy, privateKeyPem);
  return {
    schemaVersion: 1,
    baseUrl: ports.distributionUrl,
    resource,
    signedQuery,
    expiresAt: new Date(expiresAtSeconds * 1000).toISOString(),
  };
}

/** CloudFront's custom policy: what, until when, from where. */
function accessPolicy(resource: string, expiresAtSeconds: number, egressAddress: string | undefined): string {
  return JSON.stringify({
    Statement: [
      {
        Resource: resource,
        Condition: {
          DateLessThan: { 'AWS:EpochTime': expiresAtSeconds },
          ...(egressAddress && { IpAddress: { 'AWS:SourceIp': `${egressAddress}/32` } }),
        },
      },
    ],
  });
}

/** A signer with a misspelt option signs with SHA-1 and says nothing: what leaves here has been verified to be SHA-256. */
function requireTrueSignature(signedQuery: string, policy: string, privateKeyPem: string): void {
  const query = new URLSearchParams(signedQuery);
  const decode = (text: string | null): Buffer =>
    Buffer.from((text ?? '').replaceAll('-', '+').replaceAll('_', '=').replaceAll('~', '/'), 'base64');
  const verified =
    query.get('Hash-Algorithm') === 'SHA256' &&
    decode(query.get('Policy')).toString() === policy &&
    createVerify('SHA256')
      .update(policy)
      .verify(createPublicKey(privateKeyPem), decode(query.get('Signature')));
  if (!verified) throw new Error('the signer did not sign this policy with SHA-256');
}
