/** A moment, as options of the command say it: how long ago, or when. */
import { EdgebootError } from '#shared/errors.ts';
import * as z from 'zod';

const SECONDS_OF = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;
const AGO = /^(\d{1,6})([smhd])$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** `45m`, `2h` and `7d` are so long ago; `2026-11-25` and `2026-11-25T10:00:00Z` are moments, in UTC. ISO 8601. Throws USAGE. */
export function readTime(text: string, option: string, now: Date): string {
  const [, count, unit] = AGO.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) {
    const seconds = Number(count) * SECONDS_OF[unit as keyof typeof SECONDS_OF];
    return new Date(now.getTime() - seconds * 1000).toISOString();
  }
  const moment = DATE.test(text) ? `${text}T00:00:00Z` : text;
  if (z.iso.datetime().safeParse(moment).success) return moment;
  throw new EdgebootError('USAGE', `${option} is no time: ${JSON.stringify(text)}`, {
    remedy: 'Say how long ago (45m, 2h, 7d), or when, in UTC: 2026-11-25 or 2026-11-25T10:00:00Z.',
  });
}
