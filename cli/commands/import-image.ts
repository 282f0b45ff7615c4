/** `edgeboot image import`: a raw disk from a qcow2 or VMDK file. */
import { access, constants, lstat } from 'node:fs/promises';
import { Command } from 'commander';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { convertDisk } from '../import/convert-disk.ts';
import { formatBytes, printData, say } from '../output.ts';
import { startProgress } from '../progress.ts';

export function importCommand(interruption: AbortSignal): Command {
  return new Command('import')
    .description('Make a raw disk of a qcow2 or VMDK file: checked first, converted apart from everything else.')
    .argument('<source>', 'a qcow2 or VMDK file: told by its content, not by its name')
    .requiredOption('--output <disk>', 'the raw disk file; nothing may be there yet')
    .action((source: string, { output }: { output: string }, command: Command) =>
      importDisk(source, output, interruption, command),
    );
}

async function importDisk(source: string, target: string, signal: AbortSignal, command: Command): Promise<void> {
  await requireReadable(source);
  await requireFree(target);
  const progress = startProgress(`importing ${source}`, 1);
  const onProgress = (fraction: number): void => progress.update(fraction, '');
  const imported = await convertDisk({ source, target, signal, onProgress }).finally(() => progress.stop());
  const { format, sizeBytes, findings } = imported;
  say(`imported a ${format} disk of ${formatBytes(sizeBytes)}; ${findings.at(-1)?.message ?? ''}`);
  // --output means the disk here; its other meaning stands before the command.
  printData(command.parent ?? command, { disk: target, ...imported }, ({ disk }) => disk);
}

async function requireReadable(file: string): Promise<void> {
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw new EdgebootError('USAGE', `cannot read the disk: ${messageOf(error)}`);
  });
}

async function requireFree(file: string): Promise<void> {
  const there = await lstat(file).catch(() => undefined);
  if (there === undefined) return;
  throw new EdgebootError('USAGE', `${file} is there already`, { remedy: 'Remove it, or name another with --output.' });
}
