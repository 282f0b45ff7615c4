// The npm packages, exactly as package-lock.json has them; Node.js 24 comes as one of them.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fail, run, say } from './exec.mjs';

export const NODE = 'node_modules/.bin/node';
/** Holds the digest of the lock file that node_modules was made from. */
const STAMP = 'node_modules/.edgeboot-lock';

export async function installNodeModules() {
  const digest = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(NODE) && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return;
  say('installing npm packages (about half a minute)');
  const started = Date.now();
  const timer = setInterval(() => say(`  still installing, ${Math.round((Date.now() - started) / 1000)} s`), 10_000);
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const [file, ...before] = npm;
  const exitCode = await run(file, [...before, 'ci', '--loglevel=error', '--no-progress'], { onLine: () => undefined });
  clearInterval(timer);
  if (exitCode !== 0) fail(69, 'npm ci failed: its words are above.');
  if (!existsSync(NODE)) fail(69, `There is no Node.js 24 for this processor (${process.arch}) among the packages.`);
  writeFileSync(STAMP, digest);
}
