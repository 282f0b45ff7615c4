/** The journal as one JSON file per deployment, replaced in one step. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { failureSchema, timelineSchema } from '#shared/deployment.ts';
import { SHA256, ULID } from '#shared/names.ts';
import * as z from 'zod';
import { clusterPlanSchema } from '../core/plan-cluster.ts';
import { ensureDirectory, readIfThere, removeFile, replaceFile, syncFolderOf } from '../durable-files.ts';
import type { Journal, JournalEntry } from '../ports.ts';

const entrySchema = z.strictObject({
  deploymentId: ULID,
  generation: z.int().positive(),
  plan: clusterPlanSchema,
  startedAt: z.iso.datetime(),
  bases: z.array(SHA256).optional(),
  fresh: z.array(z.string()).optional(),
  frontendIsStale: z.boolean().optional(),
  running: z.strictObject({ timeline: timelineSchema }).optional(),
  failed: failureSchema.optional(),
  local: z
    .strictObject({
      repository: z.string(),
      disks: z.strictObject({ frontend: z.string(), compute: z.string().optional() }).optional(),
    })
    .optional(),
});

const ENDING = '.json';

/** Entries lie in `<stateDirectory>/journal`, refused messages in `<stateDirectory>/quarantine`. */
export async function openFileJournal(stateDirectory: string): Promise<Journal> {
  const folder = path.join(stateDirectory, 'journal');
  const quarantineFolder = path.join(stateDirectory, 'quarantine');
  for (const directory of [folder, quarantineFolder]) await ensureDirectory(directory, 0o700);
  const fileOf = (deploymentId: string): string => path.join(folder, ULID.parse(deploymentId) + ENDING);

  const read = async (deploymentId: string): Promise<JournalEntry | undefined> => {
    const text = await readIfThere(fileOf(deploymentId));
    return text && (entrySchema.parse(JSON.parse(text.toString())) as JournalEntry);
  };

  return {
    read,
    async write(entry) {
      await replaceFile(fileOf(entry.deploymentId), Buffer.from(JSON.stringify(entry)), 0o600);
      await syncFolderOf(fileOf(entry.deploymentId));
    },
    async remove(deploymentId) {
      await removeFile(fileOf(deploymentId));
    },
    async list() {
      const names = (await readdir(folder)).filter((name) => name.endsWith(ENDING));
      const entries = await Promise.all(names.map((name) => read(name.slice(0, -ENDING.length))));
      return entries.filter((entry) => entry !== undefined);
    },
    async quarantine({ messageId, body, receiveCount }, reason) {
      const file = path.join(quarantineFolder, `${messageId.replace(/[^A-Za-z0-9-]/g, '_')}${ENDING}`);
      await replaceFile(file, Buffer.from(JSON.stringify({ messageId, receiveCount, reason, body }, null, 2)), 0o600);
    },
  };
}
