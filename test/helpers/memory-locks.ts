/** Locks between those who share the fake. */
import type { HoldPorts } from '../../edge-agent/standalone/hold-cluster.ts';
import type { PinPorts } from '../../edge-agent/standalone/publisher-pins.ts';

/** Who comes second is refused. */
export function memoryLocks(): HoldPorts['tryHoldCluster'] {
  const held = new Set<string>();
  return (deploymentId) => {
    if (held.has(deploymentId)) return Promise.resolve(undefined);
    held.add(deploymentId);
    return Promise.resolve({
      [Symbol.asyncDispose]: () => Promise.resolve(void held.delete(deploymentId)),
    });
  };
}

/** Who comes second waits. */
export function memoryTurns(): PinPorts['holdLock'] {
  const lasts = new Map<string, Promise<unknown>>();
  return async (name) => {
    const before = lasts.get(name);
    const { promise: released, resolve } = Promise.withResolvers<undefined>();
    lasts.set(name, released);
    await before;
    return () => {
      resolve(undefined);
      return Promise.resolve();
    };
  };
}
