/** What is shipped may be used by everybody: the licenses of all production packages, direct or not, as package-lock.json has them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { needlesslyJustified, shippedPackages, withForbiddenLicense } from '../../setup/shipped-packages.ts';

const ROOT = join(import.meta.dirname, '../..');
const readJson = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

const shipped = shippedPackages(readJson('package-lock.json'));

describe('every production package', () => {
  it('has a license that lets anybody use it', () => {
    assert.ok(shipped.length > 50, 'the lock file was read');
    assert.deepEqual(withForbiddenLicense(shipped), []);
  });

  it('has its own justification, where it has one: none is left of a package that is not there', () => {
    assert.deepEqual(needlesslyJustified(shipped), []);
  });
});

describe('refused is', () => {
  const lockOf = (name: string, facts: object) => ({
    packages: { '': { name: 'edgeboot' }, [`node_modules/${name}`]: facts },
  });
  const refused = (name: string, facts: object) =>
    withForbiddenLicense(shippedPackages(lockOf(name, facts))).map((one) => `${one.name} ${one.license ?? 'none'}`);

  for (const license of [
    'GPL-3.0-only',
    'AGPL-3.0-or-later',
    'SSPL-1.0',
    'UNLICENSED',
    'MIT AND GPL-2.0-only',
    'Python-2.0',
  ]) {
    it(`a package under ${license}, below another one, too`, () => {
      assert.deepEqual(refused('left', { license }), [`left ${license}`]);
      assert.deepEqual(refused('right/node_modules/@a/left', { license }), [`@a/left ${license}`]);
    });
  }

  it('a package without a license, and a justified one under another', () => {
    assert.deepEqual(refused('left', {}), ['left none']);
    assert.deepEqual(refused('argparse', { license: 'Python-2.0' }), []);
    assert.deepEqual(refused('argparse', { license: 'GPL-3.0-only' }), ['argparse GPL-3.0-only']);
  });

  it('what is for production as well as for development; not what is for development alone', () => {
    const license = 'GPL-3.0-only';
    for (const both of [{ optional: true }, { devOptional: true }, {}]) {
      assert.deepEqual(refused('left', { license, ...both }), [`left ${license}`]);
    }
    assert.deepEqual(refused('left', { license, dev: true }), []);
  });
});

it('what is shipped imports no package that is for development alone', () => {
  const { dependencies } = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(readJson('package.json'));
  const imported = ['functions', 'edge-agent', 'cli', 'shared'].flatMap((folder) =>
    importedPackages(join(ROOT, folder)),
  );
  assert.ok(imported.length > 50, 'imports were found');
  assert.deepEqual([...new Set(imported)].filter((name) => !Object.hasOwn(dependencies, name)).sort(), []);
});

/** Of all sources below a folder; types alone leave nothing to be shipped. */
function importedPackages(folder: string): string[] {
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const imports = /^(?:import|export)\s(?!type\b)[^'";]*?from '(?<from>[^']+)'|\bimport\('(?<later>[^']+)'\)/gm;
  return sources.flatMap((name) => {
    const matches = [...readFileSync(join(folder, name), 'utf8').matchAll(imports)];
    const specifiers = matches.map(({ groups = {} }) => groups['from'] ?? groups['later'] ?? '');
    const packages = specifiers.filter((specifier) => !/^(?:\.|#|node:)/.test(specifier));
    return packages.map((specifier) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
  });
}
