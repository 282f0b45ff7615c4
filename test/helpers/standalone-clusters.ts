/** Clusters of the sample image on a host without a federation: from a repository of every vintage kind to nothing left. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { buildGuest } from '../guests/build-guest.ts';
import type { StandaloneHost } from './standalone-host.ts';
import { makeVintageRepository } from './vintage-repository.ts';

export interface BootedCluster {
  readonly name: string;
  readonly publicAddress: string;
  readonly nodes: readonly { readonly name: string; readonly running: boolean; readonly cpus: number }[];
}

/** One cluster of each vintage kind, all with the sample image's guests. */
export async function makeRepository(t: TestContext, host: StandaloneHost): Promise<string> {
  const repository = join(host.directory, 'repository');
  await mkdir(repository);
  const { frontendDisk, computeDisk } = await buildGuest('sample', (line) => t.diagnostic(line));
  await makeVintageRepository(repository, { frontend: frontendDisk, compute: computeDisk });
  return repository;
}

export const bootArguments = (host: StandaloneHost, name: string, cpus: number, repository: string): string[] => [
  ...['boot', name, String(cpus), '--repository', repository],
  ...['--key', `${host.keyFile}.pub`, '--memory', '128:128'],
];

/** @param graceSeconds unless given, the command's own: guests that listen to their power button end at once. */
export async function shutDownAndClean(
  host: StandaloneHost,
  { name }: BootedCluster,
  graceSeconds?: number,
): Promise<void> {
  const early = await host.run('clean', name);
  assert.equal(early.exitCode, 75, 'formats §6: clean refuses while any node runs');
  const grace = graceSeconds === undefined ? [] : ['--grace', String(graceSeconds)];
  assert.equal((await host.run('shutdown', name, ...grace)).exitCode, 0);
  assert.equal((await host.run('clean', name)).exitCode, 0);
}
