/**
 * What is asked of the appliance, and what it answers: two small disks of the same layout, pure. The first blocks hold lines of
 * text, the content of each file lies at a block of its own. The other side is adapters/appliance/guest/init.sh.
 */
import type { GuestFile, GuestTraits } from '../ports.ts';
import { CLOUD_INIT_PROGRAM, parseGuestPath, STALE_FILES } from './debugfs.ts';

const BLOCK_BYTES = 4096;
const TEXT_BLOCKS = 4;
const TEXT_BYTES = BLOCK_BYTES * TEXT_BLOCKS;

export interface ApplianceTask {
  /** The disk that the appliance reads. The one that it answers on has the same size, and begins as zeros. */
  readonly disk: Buffer;
  /** @returns `undefined` unless the answer shows every file exactly as it was to be written. */
  readonly readAnswer: (disk: Buffer) => GuestTraits | undefined;
}

/** @throws Error when a path is not one that we would ever write, or when there are too many files. */
export function planApplianceTask(files: readonly GuestFile[]): ApplianceTask {
  const placed = place(files);
  const orders = [
    `${BLOCK_BYTES} ${TEXT_BYTES}`,
    ...STALE_FILES.map(({ folder, pattern }) => `aside ${folder} ${pattern}`),
    ...placed.map(({ path, mode, content, block }) => `write ${mode} ${content.length} ${block} ${path}`),
    `look ${CLOUD_INIT_PROGRAM}`,
    '',
  ].join('\n');
  if (orders.length > TEXT_BYTES) throw new Error('too many files for one task of the appliance');
  return {
    disk: layOut(orders, placed),
    readAnswer: (answer) => {
      const text = answer.toString('latin1', 0, TEXT_BYTES).replace(/\0+$/, '');
      const found = `found ${CLOUD_INIT_PROGRAM}\n`;
      const hasCloudInit = text.includes(found);
      const shown = placed.map(({ path, mode, content }) => `file ${mode} 0:0 1 ${content.length} ${path}\n`);
      const expected = layOut([...shown, ...(hasCloudInit ? [found] : []), 'done\n'].join(''), placed);
      return expected.equals(answer) ? { hasCloudInit } : undefined;
    },
  };
}

interface PlacedFile {
  readonly path: string;
  /** Octal, as `stat` prints it. */
  readonly mode: string;
  readonly content: Buffer;
  readonly block: number;
}

function place(files: readonly GuestFile[]): PlacedFile[] {
  let block = TEXT_BLOCKS;
  return files.map(({ path, mode, content: text }) => {
    const content = Buffer.from(text);
    const placed = { path: parseGuestPath(path).full, mode: (mode & 0o7777).toString(8), content, block };
    block += blocksOf(content);
    return placed;
  });
}

function layOut(text: string, placed: readonly PlacedFile[]): Buffer {
  const blocks = placed.reduce((sum, { content }) => sum + blocksOf(content), TEXT_BLOCKS);
  const disk = Buffer.alloc(blocks * BLOCK_BYTES);
  disk.write(text, 'latin1');
  for (const { content, block } of placed) content.copy(disk, block * BLOCK_BYTES);
  return disk;
}

const blocksOf = (content: Buffer): number => Math.ceil(content.length / BLOCK_BYTES);
