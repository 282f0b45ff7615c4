/** What is shipped may be used by everybody: the licenses of all production packages, direct or not, as package-lock.json has them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import * as z from 'zod';

const ALLOWED = ['MIT', 'MIT-0', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '0BSD'];
/** Looked at one by one. */
const JUSTIFIED = new Map([
  ['@dynoxide/linux-x64', '(MIT OR Apache-2.0)'],
  // Permissive, by the Python Software Foundation; a part of js-yaml, which xmlbuilder2 brings and nobody here calls.
  ['argparse', 'Python-2.0'],
]);

const { packages } = z
  .object({
    packages: z.record(
      z.string(),
      z.object({ license: z.string().optional(), dev: z.boolean().optional(), devOptional: z.boolean().optional() }),
    ),
  })
  .parse(JSON.parse(readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8')));
const shipped = Object.entries(packages).filter(
  ([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true,
);
const nameOf = (path: string): string => path.split('node_modules/').at(-1) ?? '';

it('every production package has a license that lets anybody use it', () => {
  assert.ok(shipped.length > 50, 'the lock file was read');
  const others = shipped
    .filter(([path, { license = 'none' }]) => !ALLOWED.includes(license) && JUSTIFIED.get(nameOf(path)) !== license)
    .map(([path, { license }]) => `${path}: ${license ?? 'none'}`);
  assert.deepEqual(others, []);
});

it('no license is justified for a package that is not there', () => {
  const names = new Set(shipped.map(([path]) => nameOf(path)));
  assert.deepEqual(
    [...JUSTIFIED.keys()].filter((name) => !names.has(name)),
    [],
  );
});
