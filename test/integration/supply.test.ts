/** `npm run supply`: what production is made of is written down whole; known vulnerabilities are told where the registry answers. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { runCommand } from '#shared/host/run-command.ts';
import * as z from 'zod';

const ROOT = path.resolve(import.meta.dirname, '../..');
const sbomSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  components: z.array(z.object({ name: z.string(), version: z.string() })),
});

test('the SBOM has every production dependency, and licenses pass', async () => {
  const supply = await runCommand(process.execPath, [path.join(ROOT, 'setup/run.mjs'), 'supply']);
  const said = supply.stderr;
  assert.equal(supply.exitCode, 0, said);
  assert.match(said, /licenses: all \d+ let anybody use them/);
  assert.match(said, /audit: /);
  const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(path.join(ROOT, file), 'utf8'));
  const { components } = sbomSchema.parse(await read('build/sbom.cdx.json'));
  const { dependencies } = z
    .object({ dependencies: z.record(z.string(), z.string()) })
    .parse(await read('package.json'));
  const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
  const missing = Object.entries(dependencies).filter(([name, version]) => !listed.has(`${name}@${version}`));
  assert.deepEqual(missing, []);
});
