/** A cold start stays small: no function loads more than this. `npm run package` prints what each of them does load. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { type BundleWeight, weighBundles } from '../../local/bundle-weights.ts';
import { readService } from '../../local/service-definition.ts';

const MAX_BYTES = 800 * 1024;
const MAX_PACKAGES = 50;
/** Of the processor: three times what they take, since machines differ. */
const MAX_IMPORT_CPU_MS = 400;

let weights: BundleWeight[];
before(async () => {
  weights = await weighBundles();
});

it('every function is weighed', async () => {
  const { definition } = await readService({});
  assert.deepEqual(
    weights.map(({ name }) => name),
    Object.keys(definition.functions),
  );
  for (const { name, sizeBytes, packages } of weights) assert.ok(sizeBytes > 1000 && packages > 0, name);
});

it('no bundle is larger than it was meant to be', () => {
  for (const { name, sizeBytes } of weights) assert.ok(sizeBytes <= MAX_BYTES, `${name}: ${sizeBytes} bytes`);
});

it('no bundle draws in another library unnoticed', () => {
  for (const { name, packages } of weights) assert.ok(packages <= MAX_PACKAGES, `${name}: ${packages} packages`);
});

it('no bundle takes long to be imported', () => {
  for (const { name, importCpuMilliseconds: spent } of weights) {
    assert.ok(spent > 0 && spent <= MAX_IMPORT_CPU_MS, `${name}: ${spent} ms`);
  }
});
