/** Serves one request after the other over one connection, which is opened again when it was lost. Runs in the worker. */
import {
  LibvirtCallError,
  VIR_ERR_NO_DOMAIN,
  VIR_ERR_NO_NETWORK,
  VIR_ERR_OPERATION_INVALID,
  VIR_ERR_OPERATION_TIMEOUT,
  type Handle,
  type LibvirtLibrary,
  type ObjectCalls,
} from './libvirt-library.ts';
import type { LibvirtFailure, LibvirtObject, ObjectKind, Request } from './protocol.ts';

export interface LibvirtSession {
  serve(request: Request): unknown;
  /** How an error that `serve` threw is to be reported. Asks the daemon whether it is still there. */
  explain(error: unknown): LibvirtFailure;
  close(): void;
}

export function createSession(library: LibvirtLibrary, uri: string): LibvirtSession {
  let connection: Handle | undefined;

  const drop = (): void => {
    if (connection === undefined) return;
    try {
      library.close(connection);
    } catch {
      // The daemon is gone: there is nothing to close.
    }
    connection = undefined;
  };
  const isAlive = (): boolean => {
    if (connection === undefined) return false;
    try {
      library.ping(connection);
      return true;
    } catch {
      return false;
    }
  };
  /** A connection that died while nobody used it (the daemon was restarted) is replaced before the call. */
  const connected = (): Handle => {
    if (connection !== undefined && !isAlive()) drop();
    connection ??= library.open(uri);
    return connection;
  };

  return {
    serve: (request) => serve(library, connected(), request),
    explain: (error) => {
      const message = error instanceof Error ? error.message : String(error);
      const timedOut = error instanceof LibvirtCallError && error.code === VIR_ERR_OPERATION_TIMEOUT;
      if (timedOut || isAlive()) return { busy: timedOut, message };
      drop();
      return { busy: true, message };
    },
    close: drop,
  };
}

function serve(library: LibvirtLibrary, connection: Handle, request: Request): unknown {
  switch (request.operation) {
    case 'nodeInfo':
      return library.nodeInfo(connection);
    case 'list':
      return list(library[request.kind], connection);
    case 'find':
      return withObject(library, connection, request, (calls, object) => describe(calls, object));
    case 'define':
      library[request.kind].free(library[request.kind].define(connection, request.xml));
      return undefined;
    case 'start':
      start(library[request.kind], connection, request.name);
      return undefined;
    case 'pressPowerButton':
      withObject(library, connection, { kind: 'domain', name: request.name }, (_, domain) => {
        unlessGone(() => library.pressPowerButton(domain));
      });
      return undefined;
    case 'turnOff':
      withObject(library, connection, { kind: 'domain', name: request.name }, turnOff);
      return undefined;
    case 'remove':
      withObject(library, connection, request, remove);
      return undefined;
  }
}

function list(calls: ObjectCalls, connection: Handle): LibvirtObject[] {
  const objects = calls.list(connection);
  try {
    return objects.flatMap((object) => unlessGone(() => describe(calls, object)) ?? []);
  } finally {
    for (const object of objects) calls.free(object);
  }
}

function describe(calls: ObjectCalls, object: Handle): LibvirtObject {
  return { name: calls.nameOf(object), xml: calls.describe(object), active: calls.isActive(object) };
}

/** Here an object that is not there is an error: it was defined a moment ago. */
function start(calls: ObjectCalls, connection: Handle, name: string): void {
  const object = calls.lookup(connection, name);
  try {
    if (!calls.isActive(object)) calls.create(object);
  } finally {
    calls.free(object);
  }
}

/** A domain may end by itself between the question and the order. */
function turnOff(calls: ObjectCalls, object: Handle): void {
  unlessGone(() => {
    if (calls.isActive(object)) calls.destroy(object);
  });
}

/** A network without a definition vanishes when it stops. */
function remove(calls: ObjectCalls, object: Handle): void {
  turnOff(calls, object);
  unlessGone(() => calls.undefine(object));
}

/** @returns `undefined` when there is no object of that name. */
function withObject<Result>(
  library: LibvirtLibrary,
  connection: Handle,
  { kind, name }: { readonly kind: ObjectKind; readonly name: string },
  use: (calls: ObjectCalls, object: Handle) => Result,
): Result | undefined {
  const calls = library[kind];
  const object = unlessGone(() => calls.lookup(connection, name));
  if (object === undefined) return undefined;
  try {
    return use(calls, object);
  } finally {
    calls.free(object);
  }
}

const GONE: readonly number[] = [VIR_ERR_NO_DOMAIN, VIR_ERR_NO_NETWORK, VIR_ERR_OPERATION_INVALID];

function unlessGone<Result>(attempt: () => Result): Result | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof LibvirtCallError && GONE.includes(error.code)) return undefined;
    throw error;
  }
}
