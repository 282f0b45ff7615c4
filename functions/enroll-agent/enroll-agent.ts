/** An agent presents its site's one-time token and its own public key; from then on it signs its requests. */
import { createPublicKey } from 'node:crypto';
import { ENROLLMENT_TOKEN } from '#shared/api/agents.ts';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import { auditEntry } from '../outbox/entries.ts';
import { tokenDigest } from '../manage-sites/manage-sites.ts';
import type { SiteStore } from '../ports.ts';

export interface EnrollAgentPorts extends DeliveryPorts {
  readonly sites: SiteStore;
  readonly rootPublicKeyPem: string;
  readonly audience: string;
  readonly now: () => Date;
}

/**
 * Answers the site's id, to the same agent again where its first answer was lost: the token has one key only, as long as it is the
 * site's. Throws FORBIDDEN (token unknown, used, expired), INVALID_REQUEST (no Ed25519 key).
 */
export async function enrollAgent(token: string, publicKeyPem: string, ports: EnrollAgentPorts): Promise<string> {
  const siteId = ENROLLMENT_TOKEN.exec(token)?.[1];
  if (siteId === undefined) throw new EdgebootError('INVALID_REQUEST', 'this is no enrollment token');
  requireEd25519(publicKeyPem);
  const now = ports.now().toISOString();
  const decision = { actor: `agent:${siteId}`, action: 'agent.enroll', siteId } as const;
  const entry = auditEntry(now, { ...decision, decision: 'allow' });
  try {
    const isFirst = await ports.sites.enroll({ siteId, publicKeyPem }, tokenDigest(token), now, [entry]);
    if (isFirst) await deliverOutbox([entry], ports);
    return siteId;
  } catch (error) {
    if (!hasCode(error, 'FORBIDDEN')) throw error;
    if ((await ports.sites.find(siteId)) === undefined) {
      // Anybody can ask for any name: what no site could read as its own is not on record. The answer is the same.
      ports.log.info('enrollment refused: there is no such site', { siteId });
      throw error;
    }
    throw await deny(ports, { ...decision, reason: error.message }, error);
  }
}

function requireEd25519(publicKeyPem: string): void {
  try {
    if (createPublicKey(publicKeyPem).asymmetricKeyType === 'ed25519') return;
  } catch {
    // Not a key at all: refused below.
  }
  throw new EdgebootError('INVALID_REQUEST', 'the public key must be an Ed25519 key in PEM');
}
