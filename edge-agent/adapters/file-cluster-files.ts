/** Clusters' directories below `<stateDirectory>/clusters`. */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ULID } from '#shared/names.ts';
import { ensureDirectory } from '../durable-files.ts';
import type { ClusterFiles } from '../ports.ts';

/** The hypervisor's user must be able to pass through, not to list. */
const MODE = 0o711;

export async function openClusterFiles(stateDirectory: string): Promise<ClusterFiles> {
  const folder = path.join(stateDirectory, 'clusters');
  await ensureDirectory(folder, MODE);
  const directoryOf = (deploymentId: string): string => path.join(folder, ULID.parse(deploymentId));
  return {
    directoryOf,
    async makeDirectory(deploymentId) {
      await ensureDirectory(directoryOf(deploymentId), MODE);
      return directoryOf(deploymentId);
    },
    removeDirectory: (deploymentId) => rm(directoryOf(deploymentId), { recursive: true, force: true }),
    async list() {
      const entries = await readdir(folder, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory() && ULID.safeParse(entry.name).success)
        .map(({ name }) => name);
    },
  };
}
