/** One run of one pipeline: from a clean state, and with its output compared. */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { requireSameContent } from '../images/scan-disk.ts';
import { type PipelineName, PIPELINES, type Surroundings } from '../pipelines/pipelines.ts';
import type { Transfers } from '../servers/transfer-log.ts';
import { type Cost, measure } from './measure.ts';

export interface Run extends Cost {
  readonly allocatedBytes: number;
  /** By the server's own account. */
  readonly transfers: Transfers;
}

/**
 * Before each run nothing is left of the last one, neither files nor pages that still have to be written; what is served stays in the
 * page cache. Throws where the pipeline fails or its output is not the disk.
 */
export async function runPipeline(name: PipelineName, around: Surroundings, directory: string): Promise<Run> {
  const pipeline = PIPELINES[name];
  await mkdir(directory, { recursive: true });
  const folder = await mkdtemp(path.join(directory, `${name}-`));
  try {
    const work = path.join(folder, 'work');
    await mkdir(work);
    const output = path.join(folder, 'disk.raw');
    const { log } = around.servers.endpoints[pipeline.network];
    await runCommandOrThrow('sync', []);
    await log.take();
    const { cost } = await measure(pipeline.command(around, work, output));
    const transfers = await log.take();
    const { blocks } = await stat(output);
    await requireSameContent(pipeline.disk(around.images).file, output);
    return { ...cost, allocatedBytes: blocks * 512, transfers };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
