/** One agent per state directory; commands beside it take turns with it where they allocate, and keep off each other's clusters. */
import { realpath } from 'node:fs/promises';
import { EdgebootError } from '#shared/errors.ts';
import { inTurn, type Release, tryHoldLock } from './host-lock.ts';

/** Answers how to let go. Throws CONFLICT where another agent holds the directory. */
export async function holdStateDirectory(stateDirectory: string): Promise<Release> {
  const release = await tryHoldLock(`agent of ${await realpath(stateDirectory)}`);
  if (release !== undefined) return release;
  throw new EdgebootError('CONFLICT', `another agent works with ${stateDirectory}`, {
    remedy: 'Stop the other agent, or give this one a state directory of its own.',
  });
}

/** One allocation at a time, whichever process of this host makes it. */
export function allocationTurns(stateDirectory: string): <T>(work: () => Promise<T>) => Promise<T> {
  return async (work) => inTurn(`allocations of ${await realpath(stateDirectory)}`, work);
}

/** A cluster of the directory, for one at a time. `undefined` where somebody else has it. */
export function clusterLocks(stateDirectory: string): (deploymentId: string) => Promise<AsyncDisposable | undefined> {
  return async (deploymentId) => {
    const release = await tryHoldLock(`cluster ${deploymentId} of ${await realpath(stateDirectory)}`);
    return release && { [Symbol.asyncDispose]: release };
  };
}
