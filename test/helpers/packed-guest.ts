/** A guest of other people's making as a cluster, through the commands alone: packed into a repository, and booted from it. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { EDGEBOOT, runProgram } from '../../local/federation/program.ts';
import { buildGuest, type GuestKind } from '../guests/build-guest.ts';
import type { BootedCluster } from './standalone-clusters.ts';
import type { StandaloneHost } from './standalone-host.ts';

export interface PackedGuest {
  readonly kind: GuestKind;
  readonly computes: number;
  readonly memoryMiB: number;
  /** Arguments of `edgeboot image pack`. */
  readonly packAs?: readonly string[];
}

export const LIMIT = { timeout: 1_500_000 };
/** With what is prepared outside. */
export const FILE_LIMIT_SECONDS = 2400;
/** For guests without anything that listens to the power button: however long one waits, they go on. */
export const DEAF_GRACE_SECONDS = 1;

export async function bootGuest(t: TestContext, host: StandaloneHost, wish: PackedGuest): Promise<BootedCluster> {
  const { kind, computes, memoryMiB, packAs = [] } = wish;
  const log = (line: string): void => t.diagnostic(line);
  const { frontendDisk, computeDisk } = await buildGuest(kind, log);
  const repository = join(host.directory, 'repository');
  const pack = ['image', 'pack', '--frontend', frontendDisk, '--compute', computeDisk, '--name', kind];
  const env = { EDGEBOOT_CONFIG_DIRECTORY: join(host.directory, 'member') };
  const packed = await runProgram(EDGEBOOT, [...pack, '--output', repository, ...packAs], { env, onWords: log });
  assert.equal(packed.exitCode, 0, packed.stderr);
  return host.ask<BootedCluster>(
    ...['boot', kind, String(computes), '--computes', String(computes), '--repository', repository],
    ...['--key', `${host.keyFile}.pub`, '--memory', String(memoryMiB)],
  );
}
