/** What a member sees of a warming: their own, and nothing of anybody else's, not even that it exists. */
import type { warmingResponse } from '#shared/api/warmings.ts';
import { EdgebootError } from '#shared/errors.ts';
import type { Warming } from '#shared/warming.ts';
import type * as z from 'zod';
import type { Member } from '../http/identity.ts';
import type { DeliveryPorts } from '../outbox/deliver-outbox.ts';
import { deny } from '../outbox/deny.ts';
import type { SiteStore, WarmingStore } from '../ports.ts';
import { isSilent } from '../site-silence.ts';

export interface ReadWarmingPorts extends DeliveryPorts {
  readonly warmings: WarmingStore;
  readonly sites: SiteStore;
  readonly now: () => Date;
}

/** The member's own. Throws NOT_FOUND for anybody else's, too; that one is audited. */
export async function readWarming(
  member: Member,
  warmingId: string,
  ports: ReadWarmingPorts,
): Promise<z.infer<typeof warmingResponse>> {
  const warming = await ports.warmings.find(warmingId);
  const notFound = { code: 'NOT_FOUND', message: `there is no warming ${warmingId} of yours` } as const;
  if (warming === undefined) throw new EdgebootError(notFound.code, notFound.message);
  if (warming.memberId === member.memberId) return showWarming(warming, ports);
  const asked = { actor: `member:${member.memberId}`, action: 'warming.read', warmingId } as const;
  throw await deny(ports, { ...asked, reason: "another member's warming" }, notFound);
}

/** With what can be said of its site now. */
export async function showWarming(
  warming: Warming,
  ports: Pick<ReadWarmingPorts, 'sites' | 'now'>,
): Promise<z.infer<typeof warmingResponse>> {
  const site = await ports.sites.find(warming.siteId);
  return { warming, siteIsSilent: site === undefined || isSilent(site, ports.now()) };
}
