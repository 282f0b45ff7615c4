/** Calls of Linux that Node.js does not offer: sockets and taps that QEMU is given open, and signals that cannot go astray. */
import { constants } from 'node:os';
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
/** Other programs that we start do not inherit it. */
const SOCK_CLOEXEC = 0o2000000;
/** `sockaddr_un`: family, path with its closing zero. */
const SOCKET_ADDRESS_BYTES = 110;
const BACKLOG = 16;

/** `ifreq`: name, flags. */
const INTERFACE_REQUEST_BYTES = 40;
const INTERFACE_NAME_BYTES = 16;
const TUNSETIFF = 0x400454ca;
const TAP_FLAGS = 0x0002 | 0x1000 | 0x4000; // IFF_TAP | IFF_NO_PI | IFF_VNET_HDR

export interface KernelCalls {
  /**
   * Binds a Unix socket and does not listen yet: nobody gets in.
   * @returns its file descriptor, which the caller closes.
   * @throws Error naming what the kernel refused; so do all others.
   */
  bindUnixSocket(path: string): number;
  listen(socket: number): void;
  /** Makes the tap behind an open /dev/net/tun. It is gone when the last who holds the file has closed it. */
  makeTap(tunFile: number, name: string): void;
  /**
   * Sends a signal to a process once `isMeant` says that it is the one: its number cannot pass to another process in between.
   * @returns `false` when there is no such process, or it is not the one.
   */
  signal(pid: number, signal: 'SIGTERM' | 'SIGKILL', isMeant: (pid: number) => Promise<boolean>): Promise<boolean>;
}

export function loadKernelCalls(): KernelCalls {
  const library = koffi.load('libc.so.6');
  const declare = (prototype: string): ((...values: unknown[]) => number) =>
    library.func(prototype) as (...values: unknown[]) => number;
  const socket = declare('int socket(int domain, int type, int protocol)');
  const bind = declare('int bind(int socket, void *address, unsigned int length)');
  const listen = declare('int listen(int socket, int backlog)');
  const ioctl = declare('int ioctl(int file, unsigned long request, void *argument)');
  const pidfdOpen = declare('int pidfd_open(int pid, unsigned int flags)');
  const pidfdSendSignal = declare('int pidfd_send_signal(int process, int signal, void *details, unsigned int flags)');
  const close = declare('int close(int file)');

  return {
    bindUnixSocket: (path) => {
      const address = Buffer.alloc(SOCKET_ADDRESS_BYTES);
      address.writeUInt16LE(AF_UNIX, 0);
      address.write(path, 2);
      const file = checked('socket', socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (bind(file, address, 2 + Buffer.byteLength(path) + 1) === 0) return file;
      const refusal = refused(`bind ${path}`);
      close(file);
      throw refusal;
    },
    listen: (file) => void checked('listen', listen(file, BACKLOG)),
    makeTap: (tunFile, name) => {
      const request = Buffer.alloc(INTERFACE_REQUEST_BYTES);
      request.write(name, 0, INTERFACE_NAME_BYTES - 1);
      request.writeUInt16LE(TAP_FLAGS, INTERFACE_NAME_BYTES);
      checked(`make the tap ${name}`, ioctl(tunFile, TUNSETIFF, request));
    },
    signal: async (pid, signal, isMeant) => {
      const held = pidfdOpen(pid, 0);
      if (held < 0) return false;
      try {
        return (await isMeant(pid)) && pidfdSendSignal(held, constants.signals[signal], null, 0) === 0;
      } finally {
        close(held);
      }
    },
  };
}

function checked(what: string, result: number): number {
  if (result >= 0) return result;
  throw refused(what);
}

function refused(what: string): Error {
  const number = koffi.errno();
  const [name = number] = Object.entries(constants.errno).find(([, value]) => value === number) ?? [];
  return new Error(`${what}: ${name}`);
}
