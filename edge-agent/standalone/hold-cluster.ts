/**
 * One command at a time on a cluster of this host. Whoever comes second is refused at once: what it would decide on is about to
 * change.
 */
import { EdgebootError } from '#shared/errors.ts';
import type { JournalEntry, LocalCluster } from '../ports.ts';
import { type ClusterPorts, findCluster, noSuchCluster } from './clusters.ts';

export interface HoldPorts {
  /** From all processes of this host, until it is disposed of or we end, however that is; `undefined` where another has it. */
  readonly tryHoldCluster: (deploymentId: string) => Promise<AsyncDisposable | undefined>;
}

/** A cluster that this host's operator booted. */
export type OwnCluster = JournalEntry & { readonly local: LocalCluster };

export interface HeldCluster extends AsyncDisposable {
  readonly cluster: OwnCluster;
}

/** @param name for a person. Throws CONFLICT. */
export async function holdCluster(
  deploymentId: string,
  name: string,
  { tryHoldCluster }: HoldPorts,
): Promise<AsyncDisposable> {
  const held = await tryHoldCluster(deploymentId);
  if (held !== undefined) return held;
  throw new EdgebootError('CONFLICT', `another command works on ${name}`, {
    remedy: 'Wait until it has ended, or interrupt it where it runs; then try again.',
  });
}

/**
 * A cluster that this host's operator may turn on and off, change and remove, as it is while nobody else may.
 * @throws EdgebootError NOT_FOUND, FORBIDDEN where the federation has it, CONFLICT.
 */
export async function holdOwnCluster(name: string, ports: ClusterPorts & HoldPorts): Promise<HeldCluster> {
  const { deploymentId } = requireOwn(name, await findCluster(name, ports));
  await using undo = new AsyncDisposableStack();
  undo.use(await holdCluster(deploymentId, name, ports));
  // Read again: until now somebody else may have worked on it, or removed it.
  const entry = await ports.journal.read(deploymentId);
  if (entry === undefined) throw noSuchCluster(name);
  const cluster = requireOwn(name, entry);
  const held = undo.move();
  return { cluster, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function requireOwn(name: string, entry: JournalEntry): OwnCluster {
  if (entry.local !== undefined) return { ...entry, local: entry.local };
  throw new EdgebootError('FORBIDDEN', `${name} belongs to a deployment of the federation`, {
    remedy: `End it with: edgeboot deployment destroy ${entry.deploymentId}`,
  });
}
