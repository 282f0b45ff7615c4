/**
 * The CPU rule of the original (formats, section 6): a number of CPUs in all, 0 for a frontend alone; at most one compute on each
 * host, which takes min(free, still wanted). Here a cluster lives on one host: so one compute takes them all, unless the wish says
 * how many computes there shall be; then they share as evenly as they can, the first ones taking what is left over.
 */
import { EdgebootError } from '#shared/errors.ts';

/** @returns CPUs of each compute. Throws USAGE where there are fewer CPUs than computes. */
export function divideCpus(cpus: number, computes = Math.min(cpus, 1)): number[] {
  if (computes > cpus || (computes === 0 && cpus > 0)) {
    throw new EdgebootError('USAGE', `${cpus} CPUs cannot be shared by ${computes} computes`, {
      remedy: 'Each compute takes at least one CPU, and every CPU goes to a compute.',
    });
  }
  const share = computes === 0 ? 0 : Math.floor(cpus / computes);
  const leftOver = cpus - share * computes;
  return Array.from({ length: computes }, (_, i) => share + (i < leftOver ? 1 : 0));
}
