/** A qemu-storage-daemon of our own, controlled over its standard input and output with QMP. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { EdgebootError } from '#shared/errors.ts';
import { mountNamespaceArguments } from '#shared/host/mount-namespace.ts';
import { diskFullIn } from '../disk-errors.ts';

/** An order that takes longer is a fault. */
const ORDER_TIMEOUT_SECONDS = 30;

export interface StorageDaemon {
  readonly pid: number;
  /** Carries out one QMP command. Throws Error with QEMU's words when it is refused. */
  execute(command: string, parameters?: object): Promise<void>;
  /** Writes everything out and ends. Throws EdgebootError DISK_FULL where there is no room for it. */
  quit(): Promise<void>;
  /** Ends it at once; nothing when it has ended. */
  kill(): Promise<void>;
}

/** Only answers to orders have one of these; greetings and events have neither. */
const answerSchema = z.union([
  z.object({ return: z.unknown() }).transform(() => undefined),
  z.object({ error: z.object({ desc: z.string() }) }).transform(({ error }) => error.desc),
]);

/**
 * The daemon sees our mounts, but we do not see its; it is killed when we end, however we end.
 * @param signal kills it: what was asked of it fails then.
 * @throws EdgebootError PREREQUISITE_MISSING when it does not start.
 */
export async function startStorageDaemon(signal: AbortSignal): Promise<StorageDaemon> {
  const child = spawn(
    'unshare',
    [
      ...[...mountNamespaceArguments(), '--', 'setpriv', '--pdeathsig', 'KILL', '--'],
      ...['qemu-storage-daemon', '--chardev', 'stdio,id=monitor', '--monitor', 'chardev=monitor'],
    ],
    { stdio: 'pipe', env: { ...process.env, LC_ALL: 'C' } },
  );
  const onAbort = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', onAbort);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2000)));
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said = error.message;
      resolve();
    });
    child.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
  child.stdin.on('error', () => undefined);

  /** Settles the one order that is being carried out. */
  let settle: ((refusal: string | undefined) => void) | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const answer = answerSchema.safeParse(parseJson(line));
    if (answer.success) settle?.(answer.data);
  });
  const execute = async (command: string, parameters: object = {}): Promise<void> => {
    const answered = new Promise<string | undefined>((resolve) => (settle = resolve));
    child.stdin.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    const timer = setTimeout(() => settle?.('no answer in time'), ORDER_TIMEOUT_SECONDS * 1000);
    const refusal = await Promise.race([answered, ended.then(() => `it ended: ${said.trim()}`)]);
    clearTimeout(timer);
    if (refusal !== undefined) throw new Error(`qemu-storage-daemon, ${command}: ${refusal}`);
  };
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };

  try {
    await execute('qmp_capabilities');
    if (child.pid === undefined) throw new Error('it has no process');
  } catch (cause) {
    await kill();
    throw new EdgebootError('PREREQUISITE_MISSING', `qemu-storage-daemon does not start: ${said.trim()}`, {
      cause,
      remedy: 'Check the tools of this host with edgeboot-agent doctor.',
    });
  }
  return {
    pid: child.pid,
    execute,
    kill,
    quit: async () => {
      await execute('quit');
      await ended;
      // Its exit status says nothing of what it could not write; its words do.
      const full = diskFullIn(said, 'the overlay cannot be written out');
      if (full !== undefined) throw full;
      if (child.exitCode !== 0) throw new Error(`qemu-storage-daemon did not end well: ${said.trim()}`);
    },
  };
}

/** A daemon that is killed may leave half a line: no answer. */
function parseJson(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}
