/**
 * The driver's side of its worker: a promise per request. The worker is a process rather than a thread: a call that waits for a
 * libvirtd that hangs can only be ended together with what made it, and Node cannot end a thread inside a C function.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { EdgebootError } from '#shared/errors.ts';
import type { OperationName, Operations, Request, RequestMessage, ResponseMessage } from './protocol.ts';

export interface LibvirtClientOptions {
  /** For example `qemu:///system`. */
  readonly uri: string;
  /** Longer than any call lasts: libvirt itself waits at most 30 s for an object that somebody else works on. */
  readonly callTimeoutSeconds: number;
}

export interface LibvirtClient {
  /**
   * @throws EdgebootError BOOT_FAILED with libvirt's words, HYPERVISOR_BUSY when it cannot be reached or does not answer in
   * time, PREREQUISITE_MISSING when its client library cannot be loaded.
   */
  call<Name extends OperationName>(
    operation: Name,
    request: Operations[Name]['request'],
  ): Promise<Operations[Name]['response']>;
  close(): Promise<void>;
}

const WORKER_FILE = new URL('./libvirt-worker.ts', import.meta.url);
const CLOSE_TIMEOUT_SECONDS = 5;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** One worker process and the requests that it has not answered yet. */
interface WorkerProcess {
  send(request: Request): Promise<unknown>;
  readonly hasEnded: () => boolean;
  close(): Promise<void>;
}

export function createLibvirtClient(options: LibvirtClientOptions): LibvirtClient {
  let worker: WorkerProcess | undefined;
  let isClosed = false;
  return {
    call: async <Name extends OperationName>(operation: Name, request: Operations[Name]['request']) => {
      if (isClosed) throw new Error('the libvirt driver is closed');
      if (worker === undefined || worker.hasEnded()) worker = startWorker(options);
      return (await worker.send({ operation, ...request } as Request)) as Operations[Name]['response'];
    },
    close: async () => {
      isClosed = true;
      await worker?.close();
    },
  };
}

function startWorker({ uri, callTimeoutSeconds }: LibvirtClientOptions): WorkerProcess {
  const child = fork(fileURLToPath(WORKER_FILE), [uri], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let hasEnded = false;
  const exited = once(child, 'exit');
  // An idle driver does not keep the agent alive.
  const holdProcess = (): void => setReferenced(child, waiting.size > 0);
  holdProcess();

  const settle = (id: number): Waiting | undefined => {
    const entry = waiting.get(id);
    waiting.delete(id);
    clearTimeout(entry?.timer);
    holdProcess();
    return entry;
  };
  const end = (error: Error): void => {
    hasEnded = true;
    child.kill('SIGKILL');
    for (const id of [...waiting.keys()]) settle(id)?.reject(error);
  };
  child.on('message', (response: ResponseMessage) => {
    if (response.kind === 'unusable') {
      end(new EdgebootError('PREREQUISITE_MISSING', `libvirt's client library cannot be loaded: ${response.message}`));
    } else if (response.kind === 'done') {
      settle(response.id)?.resolve(response.value);
    } else {
      const code = response.busy ? 'HYPERVISOR_BUSY' : 'BOOT_FAILED';
      settle(response.id)?.reject(new EdgebootError(code, `libvirt: ${response.message}`));
    }
  });
  const crashed = (): void => end(new EdgebootError('HYPERVISOR_BUSY', 'the worker of the libvirt driver ended'));
  child.on('error', crashed);
  child.on('exit', crashed);

  return {
    hasEnded: () => hasEnded,
    send: (request) =>
      new Promise((resolve, reject) => {
        const id = (lastId += 1);
        const timer = setTimeout(() => {
          end(new EdgebootError('HYPERVISOR_BUSY', `libvirt did not answer within ${callTimeoutSeconds} s`));
        }, callTimeoutSeconds * 1000);
        waiting.set(id, { resolve, reject, timer });
        holdProcess();
        child.send({ id, request } satisfies RequestMessage, () => undefined);
      }),
    close: async () => {
      if (hasEnded) return;
      child.ref();
      child.disconnect();
      const deadline = setTimeout(() => child.kill('SIGKILL'), CLOSE_TIMEOUT_SECONDS * 1000);
      await exited;
      clearTimeout(deadline);
    },
  };
}

function setReferenced(child: ChildProcess, isReferenced: boolean): void {
  if (isReferenced) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}
