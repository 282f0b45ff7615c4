/**
 * Connections whose bytes are read into one buffer each, again and again. By itself a socket gets new memory for each read, which costs
 * a third of the CPU time of reading, and waits for the collector.
 */
import type { Socket } from 'node:net';
import { buildConnector } from 'undici';

const READ_BYTES = 256 * 1024;

type ConnectorOptions = Omit<buildConnector.BuildOptions, 'onread'>;

/**
 * A connector for undici. The parts of an answer that a dispatch handler is given are valid until the handler returns: for bodies that
 * are streams these connections are not fit.
 */
export function reusingConnector(options: ConnectorOptions): buildConnector.connector {
  return (wanted, callback) => {
    const reading = new Reading();
    const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback: reading.onRead };
    // One for each connection, since it is the connector that takes the buffer.
    const connect = buildConnector({ ...options, onread });
    connect(wanted, (...[error, socket]) => {
      if (error !== null) callback(error, null);
      else callback(null, reading.attach(socket));
    });
  };
}

/** Between a socket that reads into a buffer of its own, and undici, which asks a stream for what it has. */
class Reading {
  #socket: Socket | undefined;
  #pending: Buffer | null = null;
  #isStopped = false;

  /** False makes the socket stop reading: what it has read last is still to be taken. */
  readonly onRead = (lengthBytes: number, buffer: Uint8Array): boolean => {
    this.#pending = Buffer.from(buffer.buffer, buffer.byteOffset, lengthBytes);
    this.#socket?.emit('readable');
    this.#isStopped = this.#hasPending();
    return !this.#isStopped;
  };

  attach(socket: Socket): Socket {
    this.#socket = socket;
    const readStream = socket.read.bind(socket);
    socket.read = (lengthBytes) => {
      // So the stream's own machinery asks, which has no bytes, but the end.
      if (lengthBytes === 0) return readStream(0) as unknown;
      return this.#take();
    };
    socket.unshift = (bytes: Buffer) => {
      this.#pending = bytes.length > 0 ? Buffer.from(bytes) : null;
    };
    return socket;
  }

  #hasPending(): boolean {
    return this.#pending !== null;
  }

  #take(): Buffer | null {
    const bytes = this.#pending;
    this.#pending = null;
    if (bytes === null && this.#isStopped) {
      this.#isStopped = false;
      this.#socket?.resume();
    }
    return bytes;
  }
}
