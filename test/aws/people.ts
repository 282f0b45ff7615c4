/** The people of a verification: they use the `edgeboot` command, with sessions that the run gives them. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Member } from '../../local/federation/member.ts';
import { AUDIENCE, ISSUER, type RunKeys } from './keys.ts';
import { need, type Run } from './step.ts';

export const MEMBER = { id: 'verify-member', groups: ['members', 'publishers'] };
export const OPERATOR = { id: 'verify-operator', groups: ['federation-operators'] };

/** @param keys of the issuer that has made the token; the run's own, or one that nobody believes */
export async function openPerson(
  account: { readonly id: string; readonly groups: readonly string[] },
  run: Run,
  keys: Pick<RunKeys, 'issueToken'> = need(run, 'keys'),
  home: string = account.id,
): Promise<Member> {
  const person = new Member(account, path.join(run.folder, home));
  const token = await keys.issueToken(account.id, account.groups);
  const session = { apiUrl: need(run, 'deployed').apiUrl, issuer: ISSUER, audience: AUDIENCE, ...token };
  const file = person.file('config/session.json');
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, JSON.stringify(session), { mode: 0o600 });
  return person;
}

/** Runs `edgeboot`, which must succeed: answers its data. */
export function ask<T>(run: Run, who: 'member' | 'operator', ...args: readonly string[]): Promise<T> {
  run.counts.commands += 1;
  return need(run, who).ask<T>(args, undefined, run.signal);
}
