/** How far this host's clock is off, by the Date header of the API. */
import { request } from 'undici';

/** Seconds ahead of the API; negative when behind. The header counts whole seconds, hence the half. */
export async function measureClockSkew(apiUrl: string): Promise<number> {
  const asked = Date.now();
  const answer = await request(new URL('/.well-known/oauth-protected-resource', apiUrl));
  await answer.body.dump();
  const halfway = (asked + Date.now()) / 2;
  const { date } = answer.headers;
  if (typeof date !== 'string') throw new Error('the API sends no Date');
  return (halfway - (Date.parse(date) + 500)) / 1000;
}
