/** The two ways of fetching that are compared, as processes. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { EDGEBOOT_AGENT } from '../../../local/federation/program.ts';
import { measure } from '../works/measure.ts';

export interface Transfer {
  readonly bytes: number;
  /** From the start of the program to its end. */
  readonly seconds: number;
  /** Without the program's own start. */
  readonly workSeconds: number;
  /** Where an edge location answered, and said so. */
  readonly cacheHit: boolean | undefined;
}

const curlSchema = z.object({ size_download: z.number(), time_total: z.number(), http_code: z.number() });

/** One object over one connection, as wget does it. Throws where it is not answered with 200. */
export async function fetchOverOneConnection(url: string): Promise<Transfer> {
  const said = await runCommandOrThrow('curl', ['-sSf', '-o', '/dev/null', '-w', '%{json}\n%header{x-cache}', url]);
  const [json = '', cache = ''] = said.split('\n');
  const { size_download: bytes, time_total: seconds, http_code: status } = curlSchema.parse(JSON.parse(json));
  if (status !== 200) throw new Error(`the server answered with ${status}`);
  return {
    bytes,
    seconds,
    workSeconds: seconds,
    cacheHit: cache === '' ? undefined : /^(?:Refresh)?Hit /i.test(cache),
  };
}

const summarySchema = z.object({
  seconds: z.number(),
  transfer: z.object({
    fetchedBytes: z.number(),
    edges: z.array(z.object({ hits: z.number(), misses: z.number() })),
  }),
});

/** The disk of an image, with the agent, from its start to its end: decoded, verified and written. */
export async function fetchWithEngine(url: string, directory: string, node = 'frontend'): Promise<Transfer> {
  const folder = await mkdtemp(path.join(directory, 'fetch-'));
  try {
    const output = path.join(folder, 'disk.raw');
    const args = ['fetch', url, '--node', node, '--output', output, '--no-sync', '--json'];
    const { cost, stdout } = await measure({ file: EDGEBOOT_AGENT, args, directory: folder });
    const { transfer, seconds: workSeconds } = summarySchema.parse(JSON.parse(stdout));
    const hits = transfer.edges.reduce((sum, edge) => sum + edge.hits, 0);
    const misses = transfer.edges.reduce((sum, edge) => sum + edge.misses, 0);
    const cacheHit = hits + misses === 0 ? undefined : hits > misses;
    return { bytes: transfer.fetchedBytes, seconds: cost.wallSeconds, workSeconds, cacheHit };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
