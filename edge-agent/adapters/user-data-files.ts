/** What a user-data channel keeps in its cluster's folder: its programs' files, and which process it is. */
import { chown, copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { ChannelTexts } from '../core/user-data-channel.ts';
import { ensureDirectory, readIfThere, replaceFile, syncFolderOf } from '../durable-files.ts';
import { CONFINED_ID } from './disk-tool.ts';
import { processIdentitySchema } from './process-identity.ts';

const recordSchema = z.strictObject({ process: processIdentitySchema, fingerprint: z.string() });
export type ChannelRecord = z.infer<typeof recordSchema>;

export interface ChannelFiles {
  readonly directory: string;
  write(texts: ChannelTexts): Promise<void>;
  /** Durable when it resolves. */
  record(record: ChannelRecord): Promise<void>;
  /** `undefined` where there is none. */
  readRecord(): Promise<ChannelRecord | undefined>;
  remove(): Promise<void>;
}

const ANSWER_SCRIPT = path.join(import.meta.dirname, '../user-data/answer.sh');

export function channelFiles(clusterDirectory: string): ChannelFiles {
  const directory = path.join(clusterDirectory, 'user-data');
  const file = (...names: string[]): string => path.join(directory, ...names);
  const write = (content: string, ...names: string[]): Promise<void> =>
    replaceFile(file(...names), Buffer.from(content));
  return {
    directory,
    async write({ dnsmasqConfiguration, ipCommands, documents }) {
      // The confined server may pass through; nobody else may.
      await ensureDirectory(directory, 0o710);
      await chown(directory, 0, CONFINED_ID);
      await write(dnsmasqConfiguration, 'dnsmasq.conf');
      await write(ipCommands, 'links.ip');
      await copyFile(ANSWER_SCRIPT, file('answer.sh'));
      for (const [address, document] of documents) {
        await ensureDirectory(file('documents', address, 'latest'), 0o755);
        await write(document, 'documents', address, 'latest', 'user-data');
      }
    },
    async record(record) {
      await replaceFile(file('process.json'), Buffer.from(JSON.stringify(record)));
      await syncFolderOf(file('process.json'));
    },
    async readRecord() {
      const content = await readIfThere(file('process.json'));
      return content === undefined ? undefined : recordSchema.parse(JSON.parse(content.toString()));
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
