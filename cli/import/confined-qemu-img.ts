/**
 * qemu-img over a disk from anywhere. It parses what a stranger wrote, so it gets the two files that it works on and nothing else:
 * no other file, process or network, no right of any kind, and bounded memory, time and output.
 */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { mountNamespaceArguments } from '#shared/host/mount-namespace.ts';
import { type CommandResult, runCommand } from '#shared/host/run-command.ts';

const CONFINE_SCRIPT = path.join(import.meta.dirname, 'confine.sh');
/** Inside; see the script. */
export const SOURCE = '/source';
export const TARGET = '/target';

const MAX_MEMORY_BYTES = 2 * 1024 ** 3;
const MAX_CPU_SECONDS = 6 * 3600;
const MAX_OPEN_FILES = 64;
/** The script's, and the shell's where there is no such program. */
const CANNOT_CONFINE = new Set([125, 126, 127]);
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

export interface ConfinedCall {
  /** Absolute. The program can read it. */
  readonly source: string;
  /** Absolute, of an existing file. The program can write it. */
  readonly target: string;
  /** The longest that any file may become. */
  readonly maxFileBytes: number;
  /** Whom the program runs as; `undefined`: as ourselves. Only where we are root. */
  readonly userId: number | undefined;
  readonly signal: AbortSignal;
  readonly onOutput?: (text: string) => void;
}

/** Whatever its exit status. Throws PREREQUISITE_MISSING where it cannot be confined or is not installed; the signal's reason. */
export async function runQemuImg(args: readonly string[], call: ConfinedCall): Promise<CommandResult> {
  const root = mkdtempSync(path.join(tmpdir(), 'edgeboot-import-'));
  // At Ctrl-C, too. Never what is in it: should a mount of the program's have got out, that would be the system's files.
  const removeRoot = (): void => rmdirSync(root);
  process.once('exit', removeRoot);
  try {
    const limits = [
      ...[`--fsize=${call.maxFileBytes}`, `--as=${MAX_MEMORY_BYTES}`, `--cpu=${MAX_CPU_SECONDS}`],
      ...[`--nofile=${MAX_OPEN_FILES}`, '--core=0'],
    ];
    const result = await runCommand(
      'setpriv',
      [
        ...[
          '--pdeathsig',
          'KILL',
          '--',
          'unshare',
          ...namespaces(),
          '--net',
          '--ipc',
          '--pid',
          '--fork',
          '--kill-child',
        ],
        ...['--', 'sh', CONFINE_SCRIPT, root, call.source, call.target],
        ...['setpriv', ...identity(call.userId), '--no-new-privs'],
        ...['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all', '--', 'prlimit', ...limits],
        ...['--', 'qemu-img', ...args],
      ],
      {
        environment: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
        signal: call.signal,
        timeoutSeconds: MAX_CPU_SECONDS * 2,
        ...(call.onOutput && { onOutput: call.onOutput }),
      },
    );
    if (CANNOT_CONFINE.has(result.exitCode ?? 0) || /^unshare:/m.test(result.stderr))
      throw cannotConfine(result.stderr);
    return result;
  } finally {
    process.off('exit', removeRoot);
    removeRoot();
  }
}

/** Who is not root may mount in a user namespace only; root's own rights are all dropped in the end. */
function namespaces(): string[] {
  return process.getuid?.() === 0 ? mountNamespaceArguments() : ['--user', '--map-root-user', '--mount'];
}

function identity(userId: number | undefined): string[] {
  if (process.getuid?.() !== 0) return [];
  return userId === undefined ? ['--clear-groups'] : ['--reuid', `${userId}`, '--regid', `${userId}`, '--clear-groups'];
}

function cannotConfine(stderr: string): EdgebootError {
  const said = stderr.trim().slice(-500);
  return new EdgebootError('PREREQUISITE_MISSING', `qemu-img cannot be run apart from everything else: ${said}`, {
    remedy:
      'Install qemu-utils and util-linux. Where user namespaces are turned off (kernel.unprivileged_userns_clone), ' +
      'import as root. It is never run unconfined.',
  });
}
