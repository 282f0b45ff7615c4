/**
 * How an agent shows another one of its site that both have the site's key: an HMAC over method, path and time of this one request.
 * Pure: time is told. Whoever captures a request may repeat it while it is fresh, and gets what he has seen already.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface PeerRequest {
  readonly method: string;
  /** As it is sent, beginning with a slash. */
  readonly path: string;
}

/** Clocks of one site may differ by this much, either way. */
export const FRESH_SECONDS = 60;

/** The value of the Authorization header. */
export function signPeerRequest(key: Buffer, request: PeerRequest, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000);
  return `Edgeboot-Peer ${seconds}.${digestOf(key, request, seconds).toString('hex')}`;
}

/** Whether the request was signed with the key, a short while ago. Takes as long whichever digit of the signature is wrong. */
export function isFromPeer(key: Buffer, request: PeerRequest, authorization: string | undefined, now: Date): boolean {
  const [, time = '', signature = ''] = /^Edgeboot-Peer (\d{1,12})\.([0-9a-f]{64})$/.exec(authorization ?? '') ?? [];
  if (signature === '') return false;
  const seconds = Number(time);
  const isSigned = timingSafeEqual(digestOf(key, request, seconds), Buffer.from(signature, 'hex'));
  return isSigned && Math.abs(now.getTime() / 1000 - seconds) <= FRESH_SECONDS;
}

function digestOf(key: Buffer, { method, path }: PeerRequest, seconds: number): Buffer {
  return createHmac('sha256', key).update(`edgeboot-peer-v1\n${method}\n${path}\n${seconds}`).digest();
}
