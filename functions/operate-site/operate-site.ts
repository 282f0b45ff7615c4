/** What a site's operator does there, or the federation's in their stead: say who may use it, have it drain. */
import type { SiteAccess } from '#shared/site-access.ts';
import type { Member } from '../http/identity.ts';
import { deliverOutbox, type DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { auditEntry } from '../outbox/entries.ts';
import type { SiteRecord, SiteStore } from '../ports.ts';
import { findOperatedSite } from '../require-operator.ts';

export interface OperateSitePorts extends DeliveryPorts {
  readonly sites: SiteStore;
  readonly now: () => Date;
}

/** No new deployments and warmings; what is there goes on. Asked again, the first time stays. Throws NOT_FOUND, FORBIDDEN. */
export async function drainSite(operator: Member, siteId: string, ports: OperateSitePorts): Promise<SiteRecord> {
  const site = await findOperatedSite(operator, siteId, 'site.drain', ports);
  if (site.drainingSince !== undefined) return site;
  return setDraining(operator, site, ports.now().toISOString(), ports);
}

/** Throws NOT_FOUND, FORBIDDEN. */
export async function resumeSite(operator: Member, siteId: string, ports: OperateSitePorts): Promise<SiteRecord> {
  const site = await findOperatedSite(operator, siteId, 'site.resume', ports);
  if (site.drainingSince === undefined) return site;
  return setDraining(operator, site, undefined, ports);
}

/** Grants and vetoes. Throws NOT_FOUND, FORBIDDEN. */
export async function readAccess(operator: Member, siteId: string, ports: OperateSitePorts): Promise<SiteAccess> {
  return (await findOperatedSite(operator, siteId, 'site.grants.read', ports)).access;
}

/**
 * Replaces them, whole, for the requests to come, and for fresh URLs of what is under way: what runs goes on. Answers them with their new version.
 * Throws NOT_FOUND, FORBIDDEN; CONFLICT where `wished.version` is not the present one.
 */
export async function setAccess(
  operator: Member,
  siteId: string,
  wished: SiteAccess,
  ports: OperateSitePorts,
): Promise<SiteAccess> {
  await findOperatedSite(operator, siteId, 'site.grants.set', ports);
  const access = { ...wished, version: wished.version + 1 };
  const { grants, vetoes, version } = access;
  const entry = auditEntry(ports.now().toISOString(), {
    actor: `member:${operator.memberId}`,
    action: 'site.grants.set',
    decision: 'allow',
    siteId,
    reason: `version ${version}: ${grants.length} grants, ${vetoes.members.length + vetoes.images.length} vetoes`,
  });
  await ports.sites.setAccess(siteId, access, [entry]);
  await deliverOutbox([entry], ports);
  return access;
}

async function setDraining(
  operator: Member,
  site: SiteRecord,
  drainingSince: string | undefined,
  ports: OperateSitePorts,
): Promise<SiteRecord> {
  const { siteId } = site;
  const action = drainingSince === undefined ? 'site.resume' : 'site.drain';
  const decision = { actor: `member:${operator.memberId}`, action, siteId, decision: 'allow' } as const;
  const entry = auditEntry(ports.now().toISOString(), decision);
  await ports.sites.setDraining(siteId, drainingSince, [entry]);
  await deliverOutbox([entry], ports);
  return { ...site, drainingSince };
}
