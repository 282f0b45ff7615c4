/**
 * Suites that make bridges, addresses or virtual machines run in namespaces of their own: network, mounts, processes. Nothing of the
 * host can clash with them, and nothing is left when they end, however they end.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { mountNamespaceArguments } from '#shared/host/mount-namespace.ts';

const MARK = 'EDGEBOOT_TEST_IN_NAMESPACES';
/** Inside: loopback up, and a /sys that shows our own network. */
const PREPARE = 'ip link set lo up && mount -t sysfs sysfs /sys && exec "$@"';

export interface NamespaceOptions {
  /** For the whole file, set-up included. */
  readonly timeoutSeconds: number;
  /** Runs outside first: what needs the network of the host. */
  readonly prepare?: (t: TestContext) => Promise<unknown>;
}

/**
 * Call it first: `if (inNamespaces(import.meta.filename, …)) { test(…); }`. Outside, it registers one test that runs the file again
 * in new namespaces, and answers false; inside it answers true.
 */
export function inNamespaces(testFile: string, options: NamespaceOptions): boolean {
  if (process.env[MARK] === '1') return true;
  test('in namespaces of its own', { timeout: options.timeoutSeconds * 1000 }, async (t) => {
    await options.prepare?.(t);
    const environment: NodeJS.ProcessEnv = { ...process.env, [MARK]: '1' };
    // Set by the runner outside: the inner run would otherwise speak the runner's private protocol.
    delete environment['NODE_TEST_CONTEXT'];
    const child = spawn(
      'unshare',
      [
        ...[
          ...mountNamespaceArguments(),
          '--net',
          '--pid',
          '--fork',
          '--mount-proc',
          '--kill-child',
          'sh',
          '-c',
          PREPARE,
          'sh',
        ],
        // What a test has left open holds nobody up: it ends with the namespaces.
        ...[process.execPath, '--test-force-exit', '--test-reporter=spec', testFile],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: environment, signal: t.signal, killSignal: 'SIGKILL' },
    );
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const [exitCode] = (await once(child, 'close')) as [number | null];
    t.diagnostic(output);
    assert.equal(exitCode, 0, `the suite failed inside its namespaces:\n${output}`);
  });
  return false;
}
