/** Writes files into a guest's partition with the appliance: for file systems that only a kernel can write. */
import { chmod, chown, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { planApplianceTask } from '../../core/appliance-task.ts';
import { createConsoleTail } from '../../core/console-tail.ts';
import { notPersonalizable } from '../../core/debugfs.ts';
import type { GuestFile, GuestTraits } from '../../ports.ts';
import { CONFINED_ID } from '../disk-tool.ts';
import { openAppliance, type ApplianceFiles } from './open-appliance.ts';
import { runAppliance, type ApplianceRun } from './run-appliance.ts';

export type ApplianceOptions = ApplianceFiles & Pick<ApplianceRun, 'acceleration'>;

export interface ApplianceFileSystem {
  /** Name, in the work directory, of the file that holds the file system from its first byte on. */
  readonly partition: string;
  /** For temporary files, which confined programs may read; nobody else writes there. */
  readonly workDirectory: string;
}

const READABLE_BY_GROUP = 0o640;
const TAIL_LINES = 8;
/** The first words of its one program. */
const STARTED = 'appliance: started';

/**
 * Moves the network configuration of an earlier life aside and writes the files; compares what is there afterwards, byte by byte.
 * @throws EdgebootError IMAGE_NOT_COMPLIANT, PREREQUISITE_MISSING, DISK_FULL; the signal's reason when it was aborted.
 */
export async function writeWithAppliance(
  { partition, workDirectory }: ApplianceFileSystem,
  files: readonly GuestFile[],
  options: ApplianceOptions,
  signal: AbortSignal,
): Promise<GuestTraits> {
  const task = planApplianceTask(files);
  const [taskFile, answerFile] = [join(workDirectory, 'task'), join(workDirectory, 'answer')];
  await writeFile(taskFile, task.disk, { mode: READABLE_BY_GROUP });
  // Whatever our umask is.
  await chmod(taskFile, READABLE_BY_GROUP);
  await writeFile(answerFile, '', { mode: 0o600 });
  await truncate(answerFile, task.disk.length);
  await chown(answerFile, CONFINED_ID, CONFINED_ID);

  await using appliance = await openAppliance(options, signal);
  const run = { partition, task: 'task', answer: 'answer', workDirectory, acceleration: options.acceleration };
  const end = await runAppliance(appliance, run, signal);
  const traits = task.readAnswer(await readFile(answerFile));
  if (traits !== undefined) return traits;
  if (!end.console.includes(STARTED)) throw doesNotStart(end.complaints);
  const what = end.inTime ? 'cannot be written' : 'cannot be written in time';
  throw notPersonalizable(`the xfs of the first partition ${what}; the appliance says: ${tail(end.console)}`);
}

function tail(said: string): string {
  const kept = createConsoleTail();
  kept.append(Buffer.from(said));
  return kept.text(TAIL_LINES);
}

function doesNotStart(complaints: string): EdgebootError {
  return new EdgebootError('PREREQUISITE_MISSING', `the VM that writes into xfs does not start: ${tail(complaints)}`, {
    remedy: 'Check the tools of this host with edgeboot-agent doctor.',
  });
}
