/** What stands behind an option, as the commands use it. */
import { EdgebootError } from '#shared/errors.ts';

/** For commander: an option that may be given several times, one value each. */
export const repeatable = (value: string, earlier: readonly string[] = []): readonly string[] => [...earlier, value];

/** Throws USAGE. */
export function wholeNumber(text: string, option: string, { min = 0, max = 999_999 } = {}): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (number !== undefined && number >= min && number <= max) return number;
  throw new EdgebootError(
    'USAGE',
    `${option} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`,
  );
}
