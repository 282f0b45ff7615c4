/** When trying again is over. */
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { MAX_RECEIVES } from './core/lease.ts';

/** The error to report FAILED with, or `undefined` where trying again may help. */
export function finalFailure(error: unknown, receiveCount: number): EdgebootError | undefined {
  const lastTry = receiveCount >= MAX_RECEIVES;
  if (!(error instanceof EdgebootError)) {
    return lastTry ? new EdgebootError('INTERNAL', messageOf(error), { cause: error }) : undefined;
  }
  const { disposition } = error;
  // The transfer has refetched and renewed by itself as often as it may.
  if (disposition === 'reject' || disposition === 'refetch' || disposition === 'renew') return error;
  return lastTry && disposition !== 'release' && disposition !== 'stop' ? error : undefined;
}
