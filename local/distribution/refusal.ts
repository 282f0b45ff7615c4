/**
 * What an edge location answers to a viewer whose signed URL it does not accept. Codes and words are those seen from CloudFront:
 * faults of the key, the signature's encoding and the policy's form are told apart; everything else (expired, not yet valid,
 * another address, another resource, a signature that does not match) is `AccessDenied`.
 */
import { create } from 'xmlbuilder2';

const MESSAGES = {
  MissingKey: 'Missing Key-Pair-Id query parameter or cookie value',
  InvalidKey: 'Unknown Key',
  MalformedSignature: 'Could not unencode Signature',
  MalformedPolicy: 'Malformed Policy',
  AccessDenied: 'Access denied',
} as const;

export type RefusalCode = keyof typeof MESSAGES;

export interface Refusal {
  readonly httpStatus: 403;
  readonly code: RefusalCode;
  readonly message: string;
}

export function refusal(code: RefusalCode): Refusal {
  return { httpStatus: 403, code, message: MESSAGES[code] };
}

/** The body of the 403, without S3's RequestId and HostId: that is how a viewer tells the edge's refusal from the origin's. */
export function refusalXml({ code, message }: Refusal): string {
  return create({ version: '1.0', encoding: 'UTF-8' })
    .ele('Error')
    .ele('Code')
    .txt(code)
    .up()
    .ele('Message')
    .txt(message)
    .up()
    .end();
}
