// Runs one of the project's commands on any Debian 12 machine with Node.js >= 20: installs what is missing first. Plain
// JavaScript without packages, because it runs before there are any, on whatever Node.js the machine has.
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import process from 'node:process';
import { BENCHMARK_PACKAGES, installDebianPackages, missingDebianPackages } from './debian-packages.mjs';
import { fail, run, say } from './exec.mjs';
import { installNodeModules, NODE } from './node-modules.mjs';

const MIN_NODE_MAJOR = 20;
/** Each with up to 2 GiB of guests. */
const MAX_TEST_FILES_AT_ONCE = 4;

/** What a command runs, one after the other; whether (or with which arguments) it needs the host's packages and root, and which further. */
const COMMANDS = {
  demo: { host: true, steps: (args) => [[NODE, 'local/demo/main.ts', ...args]] },
  test: {
    host: true,
    steps: (args) => [[NODE, '--test', ...filesAtOnce(), ...(args.length > 0 ? args : ['test/**/*.test.ts'])]],
  },
  bench: {
    host: true,
    packages: BENCHMARK_PACKAGES,
    steps: (args) => [[NODE, 'test/bench/main.ts', ...args]],
  },
  experiment: {
    host: true,
    packages: BENCHMARK_PACKAGES,
    steps: (args) => [[NODE, 'test/bench/experiment/main.ts', ...args]],
  },
  // To say what it would do, and to remove, takes neither guests nor root.
  'verify:aws': {
    host: (args) => !args.includes('--plan') && !args.includes('--remove') && !args.includes('--help'),
    steps: (args) => [[NODE, 'test/aws/main.ts', ...args]],
  },
  check: {
    host: false,
    steps: () => [
      bin('prettier', '--check', '--log-level', 'warn', '.'),
      bin('tsc', '-p', '.'),
      bin('eslint', '--max-warnings', '0', '.'),
      [NODE, '--test', 'test/unit/**/*.test.ts'],
    ],
  },
  // A bundle with an error never ends: types are checked first, and time is bounded.
  package: {
    host: false,
    steps: (args) => [
      bin('tsc', '-p', '.'),
      ['timeout', '120', ...bin('serverless', 'package', '--package', 'build/package', ...args)],
      [NODE, 'local/print-bundle-weights.ts'],
      [NODE, 'setup/placeholders.ts'],
    ],
  },
  scale: { host: true, steps: (args) => [[NODE, 'test/scale/main.ts', ...args]] },
  // For an operator, with credentials of the AWS account: docs/operations.md.
  rebuild: { host: false, steps: () => [[NODE, 'functions/rebuild-catalog/main.ts']] },
  supply: { host: false, steps: () => [[NODE, 'setup/supply-chain.mjs']] },
};

/** One more than there are CPUs, since suites with guests often wait for them; not so many that memory becomes scarce. */
function filesAtOnce() {
  return [`--test-concurrency=${Math.min(availableParallelism() + 1, MAX_TEST_FILES_AT_ONCE)}`];
}

function bin(name, ...args) {
  return [NODE, `node_modules/.bin/${name}`, ...args];
}

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (command === undefined) fail(64, `usage: node setup/run.mjs ${Object.keys(COMMANDS).join('|')} [arguments]`);
if (process.platform !== 'linux') fail(69, 'This runs on Linux: guests are booted by QEMU through libvirt.');
if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR) {
  fail(69, `Node.js ${process.versions.node} is too old: install ${MIN_NODE_MAJOR} or later.`);
}

if (typeof command.host === 'function' ? command.host(args) : command.host) {
  const missing = missingDebianPackages(command.packages);
  const isRoot = process.getuid() === 0;
  const hasApt = existsSync('/usr/bin/apt-get');
  if (missing.length > 0 && !(isRoot && hasApt)) {
    fail(
      69,
      `These packages are missing. As root, on Debian 12:\n\n  apt-get update && apt-get install -y ${missing.join(' ')}\n`,
    );
  }
  if (!isRoot) fail(69, 'Run this as root: it starts libvirtd, makes network bridges and namespaces.');
  if (missing.length > 0) await installDebianPackages(missing);
}
await installNodeModules();

for (const [file, ...rest] of command.steps(args)) {
  const exitCode = await run(file, rest);
  if (exitCode !== 0) process.exit(exitCode);
}
if (name === 'check') say('check: all is well');
