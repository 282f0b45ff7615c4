// Starts programs and tells what goes on, on standard error.
import { spawn } from 'node:child_process';
import process from 'node:process';

export function say(words) {
  process.stderr.write(`${words}\n`);
}

/** Says why, and ends with an exit status of sysexits.h. */
export function fail(exitCode, words) {
  say(words);
  process.exit(exitCode);
}

/**
 * Runs a program to its end and answers its exit status. Signals for us go to it, and we end when it has ended.
 * @param onLine takes its standard output line by line; without it, the output is ours.
 */
export function run(file, args, { onLine, env } = {}) {
  const child = spawn(file, args, {
    stdio: ['inherit', onLine ? 'pipe' : 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  // A terminal's Ctrl-C reaches the child by itself; a kill of this process does not.
  const forward = (signal) => child.kill(signal);
  const ignore = () => undefined;
  process.on('SIGTERM', forward).on('SIGINT', ignore);
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
  return new Promise((resolve) => {
    const end = (exitCode) => {
      process.off('SIGTERM', forward).off('SIGINT', ignore);
      resolve(exitCode);
    };
    child.on('error', (error) => {
      say(`cannot run ${file}: ${error.message}`);
      end(69);
    });
    child.on('exit', (code, signal) => end(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}
