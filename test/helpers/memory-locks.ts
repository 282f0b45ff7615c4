/** The locks on clusters, between those who share the fake. */
import type { HoldPorts } from '../../edge-agent/standalone/hold-cluster.ts';

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
