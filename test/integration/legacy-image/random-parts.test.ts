/** Members, cut and put together at random, the same in every run: it is what gunzip makes of it, or PART_CORRUPT. */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { hasCode } from '#shared/errors.ts';
import { DiskWorkers } from '../../../edge-agent/transfer/disk-workers.ts';
import { assembleInto } from '../../helpers/assemble-parts.ts';
import { createMemorySource } from '../../helpers/memory-source.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const ROUNDS = 400;
const signal = AbortSignal.timeout(120_000);

/** Numbers below a bound, from a cipher's stream. */
function randomFrom(seed: number): (below: number) => number {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16));
  return (below) => cipher.update(Buffer.alloc(4)).readUInt32LE() % below;
}

function makeParts(random: (below: number) => number): Buffer[] {
  const members = Array.from({ length: 1 + random(5) }, () => {
    const raw = Buffer.alloc(random(200_000), random(3) === 0 ? 0 : `${random(1000)} `);
    return gzipSync(raw, { level: random(2) * 6 });
  });
  const parts: Buffer[] = [];
  for (const member of members) {
    const last = parts.at(-1);
    if (last !== undefined && random(4) === 0) parts.splice(-1, 1, Buffer.concat([last, member]));
    else parts.push(member);
  }
  if (random(2) === 0) return parts;
  const at = random(parts.length);
  const whole = parts[at] ?? Buffer.alloc(0);
  const cut = 1 + random(whole.length - 1);
  return [...parts.slice(0, at), whole.subarray(0, cut), whole.subarray(cut), ...parts.slice(at + 1)];
}

async function assemble(parts: readonly Buffer[], folder: string, workers: DiskWorkers): Promise<Buffer> {
  const source = createMemorySource(Object.fromEntries(parts.map((part, i) => [`p${i}`, part])));
  const paths = parts.map((_, i) => `p${i}`);
  const wish = { type: 'splited_gzip', paths, source, connections: 3, signal } as const;
  return assembleInto(folder, wish, ({ disk, sizeBytes }) => disk.read(0, sizeBytes), workers);
}

test(`formats §2: ${ROUNDS} random rows of members, however they are cut, are what gunzip makes of them`, async () => {
  await using folder = await createTemporaryFolder();
  await using workers = new DiskWorkers(2);
  const random = randomFrom(1);
  for (let round = 0; round < ROUNDS; round++) {
    const parts = makeParts(random);
    const bytes = await assemble(parts, await mkdtemp(join(folder.path, 'row-')), workers);
    assert.ok(bytes.equals(gunzipSync(Buffer.concat(parts))), `round ${round}`);
  }
});

test(`fault 5: ${ROUNDS} random rows with a byte changed are what gunzip makes of them, or refused`, async () => {
  await using folder = await createTemporaryFolder();
  await using workers = new DiskWorkers(2);
  const random = randomFrom(2);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const parts = makeParts(random).map((part) => Buffer.from(part));
    const part = parts[random(parts.length)] ?? Buffer.alloc(1);
    part[random(part.length)] = random(256);
    try {
      const bytes = await assemble(parts, await mkdtemp(join(folder.path, 'row-')), workers);
      assert.ok(bytes.equals(gunzipSync(Buffer.concat(parts))), `round ${round}`);
    } catch (error) {
      if (!hasCode(error, 'PART_CORRUPT')) throw new Error(`round ${round}`, { cause: error });
      refused++;
    }
  }
  assert.ok(refused > ROUNDS / 2 && refused < ROUNDS, `${refused} refused`);
});
