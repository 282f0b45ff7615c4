/** Reads and writes files of an ext2/3/4 file system with e2fsprogs: no kernel mounts it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#shared/errors.ts';
import { runCommand } from '#shared/host/run-command.ts';
import {
  findStale,
  foldersAbove,
  moveAsideCommands,
  notPersonalizable,
  parseGuestPath,
  parseNames,
  parseStatus,
  replaceCommands,
  STALE_FOLDERS,
  type InodeStatus,
} from '../core/debugfs.ts';
import type { GuestFile } from '../ports.ts';

const TIMEOUT_SECONDS = 600;
/** Exit status of e2fsck: bits up to this one mean that the file system is sound now. */
const E2FSCK_LEFT_ERRORS = 4;

export interface ExtFileSystem {
  /** Replays the journal and repairs: debugfs does neither, and a replay at boot would undo what was written. */
  repair(): Promise<void>;
  writeFiles(files: readonly GuestFile[]): Promise<void>;
  /** Moves the network configuration of an earlier life aside. */
  moveStaleAside(): Promise<void>;
}

/**
 * @param device the file that holds the file system, from its first byte on.
 * @param workDirectory for temporary files; nobody else writes there. All methods throw IMAGE_NOT_COMPLIANT.
 */
export function openExtFileSystem(device: string, workDirectory: string): ExtFileSystem {
  /** Runs commands in one debugfs. Its exit status says nothing: the caller looks at what came of it. */
  const debugfs = async (commands: readonly string[], access: 'read' | 'write'): Promise<string> => {
    const script = join(workDirectory, 'commands');
    await writeFile(script, `${commands.join('\n')}\n`);
    const args = [...(access === 'write' ? ['-w'] : []), '-f', script, device];
    const { stdout } = await runCommand('debugfs', args, {
      workingDirectory: workDirectory,
      timeoutSeconds: TIMEOUT_SECONDS,
    });
    return stdout;
  };
  const status = async (path: string): Promise<InodeStatus | undefined> =>
    parseStatus(await debugfs([`stat ${path}`], 'read'));
  const isFolder = async (folder: string): Promise<boolean> => {
    for (const path of foldersAbove(folder)) {
      if ((await status(path))?.type !== 'directory') return false;
    }
    return true;
  };
  const namesIn = async (folder: string): Promise<string[]> => parseNames(await debugfs([`ls -p ${folder}`], 'read'));

  return {
    repair: async () => {
      for (const how of ['-p', '-y']) {
        const { exitCode } = await runCommand('e2fsck', [how, device], { timeoutSeconds: TIMEOUT_SECONDS });
        if (exitCode !== undefined && exitCode < E2FSCK_LEFT_ERRORS) return;
      }
      throw notPersonalizable('the file system of the first partition is damaged beyond repair');
    },

    writeFiles: async (files) => {
      const targets = files.map((file, i) => ({ file, path: parseGuestPath(file.path), contentFile: `content-${i}` }));
      for (const { file, path, contentFile } of targets) {
        if (!(await isFolder(path.folder)))
          throw notPersonalizable(`${path.folder} is not a plain folder in the image`);
        await writeFile(join(workDirectory, contentFile), file.content);
      }
      const write = targets.flatMap(({ file, path, contentFile }) => replaceCommands(path, contentFile, file.mode));
      await debugfs(write, 'write');
      for (const { file, path, contentFile } of targets) {
        const copy = `${contentFile}.back`;
        await debugfs([`dump ${path.full} ${copy}`], 'read');
        const content = await readFile(join(workDirectory, copy), 'utf8').catch((error: unknown) => messageOf(error));
        const found = await status(path.full);
        const isAsWritten = content === file.content && found?.type === 'regular' && found.uid === 0;
        if (!isAsWritten || found.mode !== file.mode) {
          throw notPersonalizable(`${path.full} cannot be written into the image`);
        }
      }
    },

    moveStaleAside: async () => {
      for (const folder of STALE_FOLDERS) {
        if (!(await isFolder(folder))) continue;
        const commands = moveAsideCommands(folder, await namesIn(folder));
        if (commands.length === 0) continue;
        await debugfs(commands, 'write');
        if (findStale(folder, await namesIn(folder)).length > 0) {
          throw notPersonalizable(`the old network configuration in ${folder} cannot be moved aside`);
        }
      }
    },
  };
}
