/**
 * Who asked for a deployment or a warming, and the groups that their token had then: a row of its own, since the row beside it is written
 * every two seconds while it is worked on, and shown to agents and operators, whom a member's groups do not concern.
 */
import * as z from 'zod';
import type { Member } from '../http/identity.ts';
import type { Item, Key, Table, Write } from './dynamodb-table.ts';

const askerSchema = z.object({ memberId: z.string(), groups: z.array(z.string()) });

/** A deployment's events are read to the end of their partition: this sorts before them. */
const askerKey = (pk: string): Key => ({ pk, sk: 'ASKER' });

/** @param pk of the row that is asked for. @param kept `expiresAt`, where that row has one. */
export function askerWrites(table: Table, pk: string, asker: Member | undefined, kept: Item = {}): Write[] {
  if (asker === undefined) return [];
  const { memberId, groups } = asker;
  return [table.put({ ...askerKey(pk), memberId, groups, ...kept })];
}

export async function findAsker(table: Table, pk: string): Promise<Member | undefined> {
  const item = await table.get(askerKey(pk));
  return item && askerSchema.parse(item);
}
