import type { AuditAction } from '#shared/audit.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import type { IdentityContext } from './identity.ts';

/** Throws FORBIDDEN where the asker is not the agent of this very site; that is audited. */
export async function requireAgentOf(
  siteId: string,
  identity: IdentityContext | undefined,
  action: AuditAction,
  ports: DeliveryPorts & { readonly now: () => Date },
): Promise<void> {
  if (identity?.kind === 'agent' && identity.siteId === siteId) return;
  const reason = `this operation is for the agent of the site ${siteId}`;
  throw await deny(ports, { actor: actorOf(identity), action, siteId, reason });
}

function actorOf(identity: IdentityContext | undefined): string {
  if (identity === undefined) return 'anonymous';
  return identity.kind === 'agent' ? `agent:${identity.siteId}` : `member:${identity.memberId}`;
}
