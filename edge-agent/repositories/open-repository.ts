/** Opens the repository at an address, of whatever kind: retried, closable, and leading no further than the operator allows. */
import { EdgebootError } from '#shared/errors.ts';
import { boundedText } from '#shared/log-fields.ts';
import { type HostRule, requireListedHost } from '../core/repository-hosts.ts';
import { type FileUrl, parseFileUrl } from '../core/repository-path.ts';
import type { PartSource } from '../ports.ts';
import type { Bandwidth } from '../transfer/bandwidth.ts';
import { checkedLookup } from './checked-lookup.ts';
import { type ClosableSource, closing } from './closing.ts';
import { racing } from './racing.ts';
import { REPOSITORY_KINDS } from './registry.ts';
import type { RepositoryKind } from './repository.ts';
import { retrying, type RetryOptions } from './retrying.ts';

export interface OpenRepositoryOptions {
  /** Hosts that the repository's files may lead to, beside its own: see parseHostRule(). */
  readonly repositoryHosts: readonly string[];
  /** Most connections at once. */
  readonly connections: number;
  /** The cap on all that this agent reads from the network; none unless given. */
  readonly bandwidth?: Bandwidth | undefined;
  readonly retry?: Partial<RetryOptions>;
}

/** Requests are retried. Close it once: whoever waits for it hears CANCELED. */
export interface Repository extends ClosableSource {
  /**
   * Where a file lies that vcdb.txt names: relative to the root; by an absolute path, which must lie inside a local repository, and on
   * a web server stands for a file of the same host; or by a URL, of the same host or of one that the operator has listed. The source
   * is closed with the repository. Throws INVALID_REQUEST (no name for a file), FORBIDDEN, NOT_FOUND.
   */
  locate(named: string): Promise<LocatedFile>;
}

export interface LocatedFile {
  readonly source: PartSource;
  /** What to ask the source for; files beside it have the same folder. */
  readonly path: string;
}

/**
 * @param address named by the operator (command line, configuration): any place may be meant
 * Throws INVALID_CONFIG where no kind accepts it, and what the kind throws.
 */
export async function openRepository(
  address: string,
  options: OpenRepositoryOptions,
  kinds: readonly RepositoryKind[] = REPOSITORY_KINDS,
): Promise<Repository> {
  return openWithin(undefined, address, options, kinds);
}

/** @param rule for a host that an image has named; `undefined` where the operator has */
async function openWithin(
  rule: HostRule | undefined,
  address: string,
  options: OpenRepositoryOptions,
  kinds: readonly RepositoryKind[],
): Promise<Repository> {
  const { repositoryHosts, connections, bandwidth, retry } = options;
  const kind = kinds.find((candidate) => candidate.accepts(address));
  if (kind === undefined) throw unknownAddress(address);
  const files = await kind.open(address, { connections, bandwidth, lookup: rule && checkedLookup(rule) });
  const owned = new AsyncDisposableStack();
  owned.defer(() => files.close());
  const source = closing(racing(retrying(files, retry)), () => owned.disposeAsync());

  const locate = async (named: string): Promise<LocatedFile> => {
    const file = parseFileUrl(named) ?? parseHostPath(named, address);
    if (file === undefined) return { source, path: await files.resolve(named) };
    const inside = pathBelow(address, file);
    if (inside !== undefined) return { source, path: inside };
    // Who has named a host has named all of it.
    const isSameHost = file.origin === urlOf(address)?.origin;
    const itsRule = isSameHost ? rule : requireListedHost(file.origin, repositoryHosts);
    return { source: owned.use(await openWithin(itsRule, file.origin, options, kinds)), path: file.path };
  };
  return { ...source, locate };
}

/** On a web server an absolute path begins at the host's root. */
function parseHostPath(named: string, address: string): FileUrl | undefined {
  const origin = urlOf(address)?.origin;
  return named.startsWith('/') && origin !== undefined ? parseFileUrl(`${origin}${named}`) : undefined;
}

/** The path of the file below the address; `undefined` where it lies elsewhere. */
function pathBelow(address: string, { origin, path }: FileUrl): string | undefined {
  const root = urlOf(address);
  if (root?.origin !== origin) return undefined;
  const folder = root.pathname.endsWith('/') ? root.pathname : `${root.pathname}/`;
  return `/${path}`.startsWith(folder) ? `/${path}`.slice(folder.length) : undefined;
}

/** Of a repository on a web server; `undefined` for others. */
function urlOf(address: string): URL | undefined {
  return /^https?:/i.test(address) && URL.canParse(address) ? new URL(address) : undefined;
}

function unknownAddress(address: string): EdgebootError {
  return new EdgebootError('INVALID_CONFIG', `"${boundedText(address.slice(0, 200))}" names no repository`, {
    remedy: 'Name a directory by its absolute path, or an http or https address.',
  });
}
