/** A member's session, as `edgeboot login` keeps it, without the login. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Session } from '../../cli/session.ts';

const HOUR_MS = 3_600_000;

/** @param directory the member's configuration directory; there already */
export async function writeSession(
  directory: string,
  session: Omit<Session, 'expiresAt' | 'clientId'> & Partial<Pick<Session, 'clientId'>>,
): Promise<void> {
  const whole = { ...session, expiresAt: new Date(Date.now() + HOUR_MS).toISOString() };
  await writeFile(path.join(directory, 'session.json'), JSON.stringify(whole), { mode: 0o600 });
}
