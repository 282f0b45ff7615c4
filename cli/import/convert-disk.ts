/** Makes a raw disk of one in another format: looked into, converted by a confined qemu-img, checked, then given its name. */
import { closeSync, openSync } from 'node:fs';
import { chown, constants, type FileHandle, open, realpath, rename } from 'node:fs/promises';
import path from 'node:path';
import { EdgebootError } from '#shared/errors.ts';
import { type DiskFindings, inspectDisk, MAX_DISK_BYTES, requireCompliant } from '#shared/image/inspect-disk.ts';
import * as z from 'zod';
import { asWriteError } from '../pack/replace-file.ts';
import { removedUnlessFinished } from '../pack/unfinished.ts';
import { readerOf } from '../publish/open-disk.ts';
import { type ConfinedCall, runQemuImg, SOURCE, TARGET } from './confined-qemu-img.ts';
import { identifySource } from './source-format.ts';

/** Linux' own "nobody". */
const NOBODY_ID = 65_534;
const READABLE_BY_ALL = 0o004;
/** Exit status of `qemu-img check` where space is wasted, and no more. */
const UNUSED_CLUSTERS = 3;
const PROGRESS = /\((\d+(?:\.\d+)?)\/100%\)/g;

export interface ImportRequest {
  readonly source: string;
  /** Nothing is there yet. */
  readonly target: string;
  readonly signal: AbortSignal;
  /** @param fraction of the disk that is converted, 0 to 1. */
  readonly onProgress: (fraction: number) => void;
}

export interface ImportedDisk {
  readonly format: 'qcow2' | 'vmdk';
  readonly sizeBytes: number;
  readonly findings: DiskFindings;
}

/** Throws IMAGE_NOT_COMPLIANT, naming what is not right with the source or the disk in it; DISK_FULL; PREREQUISITE_MISSING. */
export async function convertDisk(request: ImportRequest): Promise<ImportedDisk> {
  const source = await realpath(request.source);
  const { format, userId } = await lookInto(source);
  const target = path.resolve(request.target);
  const unfinished = path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.new`);
  using written = removedUnlessFinished(unfinished);
  try {
    closeSync(openSync(unfinished, 'wx'));
    await using disk = await open(unfinished, 'r+');
    if (userId !== undefined) await chown(unfinished, userId, userId);
    const call = { source, target: unfinished, userId, signal: request.signal };
    const sizeBytes = await readVirtualSize(format, call);
    await checkWhole(format, call);
    // Sparse, all zero: only what is not zero is written.
    await disk.truncate(sizeBytes);
    const convert = ['convert', '-p', '-f', format, '-O', 'raw', '-n', '--target-is-zero', SOURCE, TARGET];
    const onOutput = (text: string): void => {
      const done = [...text.matchAll(PROGRESS)].at(-1)?.[1];
      if (done !== undefined) request.onProgress(Number(done) / 100);
    };
    const { exitCode, stderr } = await runQemuImg(convert, { ...call, maxFileBytes: sizeBytes, onOutput });
    if (exitCode !== 0) throw conversionFailed(stderr);
    const findings = await inspectDisk(readerOf(disk), sizeBytes);
    requireCompliant(findings);
    await finish(disk, userId);
    await rename(unfinished, target);
    written.finish();
    return { format, sizeBytes, findings };
  } catch (error) {
    throw asWriteError(error);
  }
}

async function lookInto(source: string) {
  // Without O_NONBLOCK a named pipe that nobody writes to would hold us for ever.
  await using file = await open(source, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await file.stat();
  if (!stat.isFile()) throw new EdgebootError('USAGE', `${source} is no regular file`);
  const format = await identifySource(readerOf(file), stat.size);
  // Root's own rights are dropped in any case; where the file is open to everybody, its name goes, too.
  const isRoot = process.getuid?.() === 0;
  const userId = isRoot && (stat.mode & READABLE_BY_ALL) !== 0 ? NOBODY_ID : undefined;
  return { format, userId };
}

const infoSchema = z.object({ 'virtual-size': z.int().nonnegative() });

/** As QEMU sees it: a VMDK may have its true header at its end. */
async function readVirtualSize(format: string, call: Omit<ConfinedCall, 'maxFileBytes'>): Promise<number> {
  const { exitCode, stdout, stderr } = await runQemuImg(['info', '-f', format, '--output=json', SOURCE], {
    ...call,
    maxFileBytes: 0,
  });
  if (exitCode !== 0) throw conversionFailed(stderr);
  const sizeBytes = infoSchema.parse(JSON.parse(stdout))['virtual-size'];
  if (sizeBytes > 0 && sizeBytes <= MAX_DISK_BYTES) return sizeBytes;
  throw new EdgebootError(
    'IMAGE_NOT_COMPLIANT',
    `the disk inside has ${sizeBytes} bytes; it must have some, and at most ${MAX_DISK_BYTES}`,
    { remedy: 'Make its file systems and partitions smaller, then the disk (qemu-img resize --shrink).' },
  );
}

/** QEMU reads what lies beyond the end of a file as zeros: a file that was cut off would make a disk that has gaps. */
async function checkWhole(format: string, call: Omit<ConfinedCall, 'maxFileBytes'>): Promise<void> {
  const { exitCode, stdout, stderr } = await runQemuImg(['check', '-q', '-f', format, SOURCE], {
    ...call,
    maxFileBytes: 0,
  });
  if (exitCode === 0 || exitCode === UNUSED_CLUSTERS) return;
  throw conversionFailed(stderr.trim() || stdout);
}

/** QEMU's words come from a program that read a stranger's file: they are shown, never acted on, but for a full disk. */
function conversionFailed(stderr: string): EdgebootError {
  const said =
    stderr
      .trim()
      .replaceAll(/^qemu-img: /gm, '')
      .slice(-1000) || 'it was ended';
  if (/No space left on device|Disk quota exceeded/.test(said)) {
    return new EdgebootError('DISK_FULL', `the raw disk cannot be written: ${said}`, {
      remedy: 'Make room, then import again.',
    });
  }
  return new EdgebootError('IMAGE_NOT_COMPLIANT', `the disk cannot be imported: qemu-img says: ${said}`, {
    remedy: 'Check the file where it was made (qemu-img check), copy it again, and see that no machine is using it.',
  });
}

/** Everything is on the disk, and the importer's own. */
async function finish(disk: FileHandle, userId: number | undefined): Promise<void> {
  if (userId !== undefined) await disk.chown(process.getuid?.() ?? 0, process.getgid?.() ?? 0);
  await disk.sync();
}
