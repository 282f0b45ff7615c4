/** The key pair of a cluster's frontend, made by ssh-keygen and kept in the cluster's directory. */
import { readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import type { ClusterKey } from '../core/cloud-init.ts';
import { readIfThere } from '../durable-files.ts';

/** Throws PREREQUISITE_MISSING without ssh-keygen. */
export async function readOrMakeClusterKey(clusterDirectory: string): Promise<ClusterKey> {
  const file = path.join(clusterDirectory, 'cluster-key');
  if ((await readIfThere(file)) === undefined) await make(file);
  const [privateKey, publicKey] = await Promise.all([readFile(file, 'utf8'), readFile(`${file}.pub`, 'utf8')]);
  return { privateKey, publicKey: publicKey.trim() };
}

/** The private half gets its name last: where it is, both are. */
async function make(file: string): Promise<void> {
  const unfinished = `${file}.new`;
  await rm(unfinished, { force: true });
  const settings = ['-q', '-t', 'ed25519', '-N', '', '-C', 'root of the frontend'];
  await runCommandOrThrow('ssh-keygen', [...settings, '-f', unfinished]);
  await rename(`${unfinished}.pub`, `${file}.pub`);
  await rename(unfinished, file);
}
