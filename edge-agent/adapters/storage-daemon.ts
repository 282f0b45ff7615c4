/** A qemu-storage-daemon of our own, controlled over its standard input and output with QMP. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import { EdgebootError } from '#shared/errors.ts';
import { mountNamespaceArguments } from '#shared/host/mount-namespace.ts';

/** An order that takes longer is a fault. */
const ORDER_TIMEOUT_SECONDS = 30;

export interface StorageDaemon {
  readonly pid: number;
  /** Carries out one QMP command. Throws Error with QEMU's words when it is refused. */
  execute(command: string, parameters?: object): Promise<void>;
  /** Writes everything out and ends. */
  quit(): Promise<void>;
  kill(): Promise<void>;
}

/** Only answers to orders have one of these; greetings and events have neither. */
const answerSchema = z.union([
  z.object({ return: z.unknown() }).transform(() => undefined),
  z.object({ error: z.object({ desc: z.string() }) }).transform(({ error }) => error.desc),
]);

/**
 * The daemon sees our mounts, but we do not see its; it is killed when we end, however we end.
 * @throws EdgebootError PREREQUISITE_MISSING when it does not start.
 */
export async function startStorageDaemon(): Promise<StorageDaemon> {
  const child = spawn(
    'unshare',
    [
      ...[...mountNamespaceArguments(), '--', 'setpriv', '--pdeathsig', 'KILL', '--'],
      ...['qemu-storage-daemon', '--chardev', 'stdio,id=monitor', '--monitor', 'chardev=monitor'],
    ],
    { stdio: 'pipe' },
  );
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-2000)));
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said = error.message;
      resolve();
    });
    child.once('close', () => resolve());
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
      remedy: 'It needs qemu-utils and util-linux: check them with edgeboot-agent doctor.',
    });
  }
  return {
    pid: child.pid,
    execute,
    kill,
    quit: async () => {
      await execute('quit');
      await ended;
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
