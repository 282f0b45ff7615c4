/** Reads and writes files of an ext2/3/4 file system with e2fsprogs: no kernel mounts it. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
import { diskFullIn } from '../disk-errors.ts';
import type { GuestFile } from '../ports.ts';
import { runConfined } from './disk-tool.ts';

const READABLE_BY_GROUP = 0o640;
/** Exit status of e2fsck: bits up to this one mean that the file system is sound now. */
const E2FSCK_LEFT_ERRORS = 4;

export interface ExtFileSystem {
  /** Replays the journal and repairs: debugfs does neither, and a replay at boot would undo what was written. */
  repair(): Promise<void>;
  writeFiles(files: readonly GuestFile[]): Promise<void>;
  /** Not through a link. */
  isPlainFile(path: string): Promise<boolean>;
  /** Moves the network configuration of an earlier life aside. */
  moveStaleAside(): Promise<void>;
}

/**
 * @param device name, in the work directory, of the file that holds the file system from its first byte on.
 * @param workDirectory for temporary files, which confined programs may read; nobody else writes there.
 * @param signal ends what runs. All methods throw IMAGE_NOT_COMPLIANT, DISK_FULL; the signal's reason when it was aborted.
 */
export function openExtFileSystem(device: string, workDirectory: string, signal: AbortSignal): ExtFileSystem {
  /** Its exit status says nothing: the caller looks at what came of it. */
  const debugfs = async (args: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await runConfined('debugfs', [...args, device], workDirectory, signal);
    throwIfFull(stderr);
    return stdout;
  };
  /** @returns what the command answered, and nothing else. */
  const ask = (command: string): Promise<string> => debugfs(['-R', command]);
  const write = async (commands: readonly string[]): Promise<void> => {
    await lay('commands', `${commands.join('\n')}\n`);
    await debugfs(['-w', '-f', 'commands']);
  };
  const lay = async (name: string, content: string): Promise<void> => {
    await writeFile(join(workDirectory, name), content, { mode: READABLE_BY_GROUP });
    // Whatever our umask is.
    await chmod(join(workDirectory, name), READABLE_BY_GROUP);
  };
  const status = async (path: string): Promise<InodeStatus | undefined> => parseStatus(await ask(`stat ${path}`));
  const isFolder = async (folder: string): Promise<boolean> => {
    for (const path of foldersAbove(folder)) {
      if ((await status(path))?.type !== 'directory') return false;
    }
    return true;
  };
  const namesIn = async (folder: string): Promise<string[]> => parseNames(await ask(`ls -p ${folder}`));

  return {
    repair: async () => {
      for (const how of ['-p', '-y']) {
        const { exitCode, stdout, stderr } = await runConfined('e2fsck', [how, device], workDirectory, signal);
        throwIfFull(`${stderr}\n${stdout}`);
        if (exitCode !== undefined && exitCode < E2FSCK_LEFT_ERRORS) return;
      }
      throw notPersonalizable('the file system of the first partition is damaged beyond repair');
    },

    writeFiles: async (files) => {
      const targets = files.map((file, i) => ({ file, path: parseGuestPath(file.path), contentFile: `content-${i}` }));
      for (const { file, path, contentFile } of targets) {
        if (!(await isFolder(path.folder)))
          throw notPersonalizable(`${path.folder} is not a plain folder in the image`);
        await lay(contentFile, file.content);
      }
      await write(targets.flatMap(({ file, path, contentFile }) => replaceCommands(path, contentFile, file.mode)));
      for (const { file, path } of targets) {
        const content = await ask(`cat ${path.full}`);
        const found = await status(path.full);
        const isAsWritten = content === file.content && found?.type === 'regular' && found.uid === 0;
        if (!isAsWritten || found.mode !== file.mode) {
          throw notPersonalizable(`${path.full} cannot be written into the image`);
        }
      }
    },

    isPlainFile: async (path) => {
      const { folder, full } = parseGuestPath(path);
      return (await isFolder(folder)) && (await status(full))?.type === 'regular';
    },

    moveStaleAside: async () => {
      for (const folder of STALE_FOLDERS) {
        if (!(await isFolder(folder))) continue;
        const commands = moveAsideCommands(folder, await namesIn(folder));
        if (commands.length === 0) continue;
        await write(commands);
        if (findStale(folder, await namesIn(folder)).length > 0) {
          throw notPersonalizable(`the old network configuration in ${folder} cannot be moved aside`);
        }
      }
    },
  };
}

/** Room for the overlay, on the host: what an ext file system says of a lack of its own reads otherwise. */
function throwIfFull(said: string): void {
  const full = diskFullIn(said, 'the overlay cannot be written');
  if (full !== undefined) throw full;
}
