/** How much memory a fetch may take in all, and what of it is left for the bytes on their way. */
import { EdgebootError } from '#shared/errors.ts';

const UNITS: Readonly<Record<string, number>> = { M: 1, G: 1024 };
/** What the process takes beside the bytes on their way: measured with `npm run bench -- --only memory`. */
const PROGRAM_MIB = 160;
/** With less for the bytes on their way nothing would be side by side. */
const LEAST_ON_THE_WAY_MIB = 16;
const LEAST_MIB = 128;
const MOST_MIB = 4 * 1024;

/** `128M`, `1G`: of the whole process, which has a floor of its own. @returns MiB for the bytes on their way. Throws USAGE. */
export function parseMemorySize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,6})([MG])i?B?$/.exec(text) ?? [];
  const mebibytes = Number(digits) * (UNITS[unit] ?? NaN);
  if (mebibytes >= LEAST_MIB && mebibytes <= MOST_MIB) {
    return Math.max(LEAST_ON_THE_WAY_MIB, mebibytes - PROGRAM_MIB);
  }
  throw new EdgebootError('USAGE', `${JSON.stringify(text)} is no memory size that this works with`, {
    remedy: `Give ${LEAST_MIB}M or more, for example --memory 256M.`,
  });
}
