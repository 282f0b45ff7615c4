/**
 * What a cluster's things are called in libvirt. Names and UUIDs follow from the deployment's id alone, so that a second delivery
 * of the same deployment, or an agent that was restarted, meets what is there instead of making it twice.
 */
import { createHash } from 'node:crypto';

/** For example `edgeboot-01jd…-compute-0`. */
export function domainName(deploymentId: string, nodeName: string): string {
  return `${networkName(deploymentId)}-${nodeName}`;
}

/** The cluster's private network, for example `edgeboot-01jd…`. */
export function networkName(deploymentId: string): string {
  return `edgeboot-${deploymentId.toLowerCase()}`;
}

/** The kernel allows 15 characters; the last 12 of a ULID are 60 random bits. */
export function bridgeName(deploymentId: string): string {
  return `eb-${deploymentId.toLowerCase().slice(-12)}`;
}

/** A version 8 UUID (RFC 9562: vendor specific) over the deployment and the name of a thing in it. */
export function stableUuid(deploymentId: string, thing: string): string {
  const bytes = createHash('sha256').update(`${deploymentId}/${thing}`).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
