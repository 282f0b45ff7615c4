/** What takes minutes to make is made once and kept. */
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** @param make fills the path that it is given, a file or a folder; it gets its name when it is whole. */
export async function buildOnce(target: string, make: (unfinished: string) => Promise<void>): Promise<void> {
  if (await isThere(target)) return;
  const unfinished = `${target}.unfinished`;
  const started = performance.now();
  process.stderr.write(`building ${target} …\n`);
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(path.dirname(target), { recursive: true });
  await make(unfinished);
  await rename(unfinished, target);
  process.stderr.write(`  built in ${Math.round((performance.now() - started) / 1000)} s\n`);
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
