/** build/bench/results.json: for each row and each work what was measured last, so that a long benchmark may be run piece by piece. */
import { readFile, writeFile } from 'node:fs/promises';
import * as z from 'zod';

const spread = { median: z.number(), min: z.number(), max: z.number() };

const rowSchema = z.object({
  label: z.string(),
  unit: z.enum(['ratio', 'MB', 's']),
  must: z.number().optional(),
  goal: z.number().optional(),
  ...spread,
  rounds: z.int().positive(),
  measuredAt: z.iso.datetime(),
});

const workSchema = z.object({ measuredAt: z.iso.datetime(), results: z.array(z.record(z.string(), z.unknown())) });

const resultsSchema = z.object({
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  rows: z.record(z.string(), rowSchema),
  /** What each round brought. */
  works: z.record(z.string(), workSchema),
});

export type RowResult = z.infer<typeof rowSchema>;
export type Results = z.infer<typeof resultsSchema>;

/** Those of another machine are not kept. */
export async function mergeResults(file: string, results: Results): Promise<Results> {
  const earlier = await readResults(file);
  const isSameMachine = JSON.stringify(earlier?.machine) === JSON.stringify(results.machine);
  const merged = {
    machine: results.machine,
    rows: { ...(isSameMachine && earlier?.rows), ...results.rows },
    works: { ...(isSameMachine && earlier?.works), ...results.works },
  };
  await writeFile(file, `${JSON.stringify(merged, undefined, 2)}\n`);
  return merged;
}

/** `undefined` where there are none, or not in this form. */
export async function readResults(file: string): Promise<Results | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  return resultsSchema.safeParse(JSON.parse(text)).data;
}
