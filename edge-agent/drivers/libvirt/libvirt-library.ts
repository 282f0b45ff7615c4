/**
 * libvirt's C interface through koffi: only the calls that we need. libvirt keeps the last error per thread, so every call is
 * made synchronously and its error is read at once, on the same thread: used from the worker only.
 */
import koffi from 'koffi';

/** `virErrorNumber` values that are told apart. */
export const VIR_ERR_NO_DOMAIN = 42;
export const VIR_ERR_NO_NETWORK = 43;
export const VIR_ERR_OPERATION_INVALID = 55;
export const VIR_ERR_OPERATION_TIMEOUT = 68;

/** An opaque pointer of libvirt's: a connection, a domain or a network. */
export type Handle = bigint;

/** A call that failed, with what libvirt said about it. */
export class LibvirtCallError extends Error {
  override readonly name = 'LibvirtCallError';
  /** A `virErrorNumber`. */
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The functions for one kind of object: a domain and a network are handled alike. */
export interface ObjectCalls {
  list(connection: Handle): Handle[];
  lookup(connection: Handle, name: string): Handle;
  define(connection: Handle, xml: string): Handle;
  nameOf(object: Handle): string;
  describe(object: Handle): string;
  isActive(object: Handle): boolean;
  create(object: Handle): void;
  destroy(object: Handle): void;
  undefine(object: Handle): void;
  free(object: Handle): void;
}

export interface LibvirtLibrary {
  open(uri: string): Handle;
  close(connection: Handle): void;
  /** Asks the daemon something small: throws when it does not answer. */
  ping(connection: Handle): void;
  nodeInfo(connection: Handle): { cpus: number; memoryKiB: number };
  /** Tells the guest by ACPI, as the button of a real machine does. */
  pressPowerButton(domain: Handle): void;
  readonly domain: ObjectCalls;
  readonly network: ObjectCalls;
}

/** VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN */
const ACPI_POWER_BUTTON = 1;

/** Managed save, snapshots, NVRAM, checkpoints: nothing of a domain is kept. */
const UNDEFINE_EVERYTHING = 1 | 2 | 4 | 16;

/** @throws Error when libvirt's client library is not installed. */
export function loadLibvirt(): LibvirtLibrary {
  const library = koffi.load('libvirt.so.0');
  const call = (result: string, name: string, parameters: string): ((...args: unknown[]) => unknown) =>
    library.func(`${result} ${name}(${parameters})`) as (...args: unknown[]) => unknown;

  const lastErrorCode = call('int', 'virGetLastErrorCode', '');
  const lastErrorMessage = call('const char *', 'virGetLastErrorMessage', '');
  const fail = (): never => {
    throw new LibvirtCallError(lastErrorCode() as number, lastErrorMessage() as string);
  };
  /** For functions that answer a pointer: null is a failure. */
  const pointer = (name: string, parameters: string): ((...args: unknown[]) => Handle) => {
    const f = call('void *', name, parameters);
    return (...args) => (f(...args) as Handle | null) ?? fail();
  };
  /** For functions that answer a number: a negative one is a failure. */
  const number = (name: string, parameters: string): ((...args: unknown[]) => number) => {
    const f = call('int', name, parameters);
    return (...args) => {
      const answer = f(...args) as number;
      return answer < 0 ? fail() : answer;
    };
  };
  const free = koffi.load('libc.so.6').func('void free(void *block)') as (block: Handle) => void;
  /** A string that libvirt made for us and that we must free. */
  const string = (name: string, parameters: string): ((...args: unknown[]) => string) => {
    const f = pointer(name, parameters);
    return (...args) => {
      const text = f(...args);
      try {
        return koffi.decode(text, 'char', -1) as string;
      } finally {
        free(text);
      }
    };
  };

  const objectCalls = (type: 'Domain' | 'Network'): ObjectCalls => {
    const listAll = number(`virConnectListAll${type}s`, 'void *, _Out_ void **, unsigned int');
    const name = call('const char *', `vir${type}GetName`, 'void *');
    const active = number(`vir${type}IsActive`, 'void *');
    const describe = string(`vir${type}GetXMLDesc`, 'void *, unsigned int');
    const create = number(`vir${type}Create`, 'void *');
    const destroy = number(`vir${type}Destroy`, 'void *');
    const undefine =
      type === 'Domain'
        ? number('virDomainUndefineFlags', 'void *, unsigned int')
        : number('virNetworkUndefine', 'void *');
    const freeObject = number(`vir${type}Free`, 'void *');
    return {
      list: (connection) => {
        const array: [Handle | null] = [null];
        const count = listAll(connection, array, 0);
        if (array[0] === null) return [];
        try {
          return count === 0 ? [] : (koffi.decode(array[0], koffi.array('void *', count)) as Handle[]);
        } finally {
          free(array[0]);
        }
      },
      lookup: pointer(`vir${type}LookupByName`, 'void *, const char *'),
      define: pointer(`vir${type}DefineXML`, 'void *, const char *'),
      nameOf: (object) => name(object) as string,
      describe: (object) => describe(object, 0),
      isActive: (object) => active(object) === 1,
      create: (object) => void create(object),
      destroy: (object) => void destroy(object),
      undefine: (object) => {
        if (type === 'Domain') undefine(object, UNDEFINE_EVERYTHING);
        else undefine(object);
      },
      free: (object) => {
        freeObject(object);
      },
    };
  };

  // libvirt prints every error on stderr unless it is given a function to call. That function is called on whichever thread
  // failed, so it must be C: getpid takes no notice of its arguments.
  const silent = koffi.load('libc.so.6').symbol('getpid') as unknown;
  call('void', 'virSetErrorFunc', 'void *, void *')(null, silent);

  const info = koffi.struct({
    model: koffi.array('char', 32, 'String'),
    memory: 'unsigned long',
    cpus: 'unsigned int',
    mhz: 'unsigned int',
    nodes: 'unsigned int',
    sockets: 'unsigned int',
    cores: 'unsigned int',
    threads: 'unsigned int',
  });
  const nodeInfo = library.func('virNodeGetInfo', 'int', ['void *', koffi.out(koffi.pointer(info))]) as (
    connection: Handle,
    result: Record<string, number | bigint>,
  ) => number;
  const open = pointer('virConnectOpen', 'const char *');
  const close = number('virConnectClose', 'void *');
  const shutdown = number('virDomainShutdownFlags', 'void *, unsigned int');
  const version = number('virConnectGetLibVersion', 'void *, _Out_ unsigned long *');

  return {
    open,
    close: (connection) => void close(connection),
    ping: (connection) => void version(connection, [0]),
    nodeInfo: (connection) => {
      const result: Record<string, number | bigint> = {};
      if (nodeInfo(connection, result) < 0) fail();
      return { cpus: Number(result['cpus'] ?? 0), memoryKiB: Number(result['memory'] ?? 0) };
    },
    pressPowerButton: (domain) => void shutdown(domain, ACPI_POWER_BUTTON),
    domain: objectCalls('Domain'),
    network: objectCalls('Network'),
  };
}
