/** Both ways to inflate, ISA-L and Node's zlib, are held against the same rows of members. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import type { Inflater } from '../../../edge-agent/transfer/inflater.ts';
import { loadIsal } from '../../../edge-agent/transfer/isal.ts';
import { createZlibInflater } from '../../../edge-agent/transfer/zlib-inflater.ts';

const isal = loadIsal();
assert.ok(isal !== undefined, 'libisal2 is among the packages, and passes the self-test');
const inflaters: Record<string, () => Inflater> = { 'ISA-L': () => isal(), zlib: createZlibInflater };

const MIB = 1024 * 1024;
const raw = Buffer.concat([Buffer.alloc(3 * MIB, 'some text, '), Buffer.alloc(5 * MIB), Buffer.alloc(MIB + 1, 'more')]);
const row = Buffer.concat([gzipSync(raw.subarray(0, 4 * MIB)), gzipSync(''), gzipSync(raw.subarray(4 * MIB))]);

async function inflate(inflater: Inflater, pieces: readonly Buffer[]): Promise<Buffer> {
  const produced: Buffer[] = [];
  for (const piece of pieces) {
    await inflater.feed(piece, (bytes) => void produced.push(Buffer.from(bytes)));
  }
  await inflater.end();
  return Buffer.concat(produced);
}

const cut = (bytes: Buffer, pieceBytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, i) =>
    bytes.subarray(i * pieceBytes, (i + 1) * pieceBytes),
  );

for (const [name, create] of Object.entries(inflaters)) {
  test(`${name}: a row of members, cut anywhere`, async () => {
    for (const pieceBytes of [1000, 4099, MIB, row.length]) {
      assert.ok((await inflate(create(), cut(row, pieceBytes))).equals(raw), `pieces of ${pieceBytes}`);
    }
  });

  test(`${name}: all that comes of a piece is handed out before feed() is done, and a failure of the taker is feed()’s`, async () => {
    const inflater = create();
    let takenBytes = 0;
    await inflater.feed(row, ({ length }) => (takenBytes += length));
    assert.equal(takenBytes, raw.length);
    let calls = 0;
    const refusing = async (): Promise<void> => {
      await create().feed(row, () => {
        calls++;
        throw new EdgebootError('DISK_FULL', 'no more');
      });
    };
    await assert.rejects(refusing, (error) => hasCode(error, 'DISK_FULL'));
    assert.equal(calls, 1);
  });

  test(`${name}: what is no row of whole members is refused`, async () => {
    const flipped = Buffer.from(row);
    flipped[1000] = (flipped[1000] ?? 0) ^ 0x10;
    for (const bad of [
      row.subarray(0, -1),
      row.subarray(0, 5),
      Buffer.concat([row, Buffer.from('garbage')]),
      Buffer.concat([row, Buffer.alloc(100)]),
      flipped,
      Buffer.from('no gzip at all'),
    ]) {
      for (const pieceBytes of [997, bad.length]) {
        await assert.rejects(inflate(create(), cut(bad, pieceBytes)), (error) => hasCode(error, 'PART_CORRUPT'));
      }
    }
  });
}

test('ISA-L goes on from the state that it had after any piece', async () => {
  const pieces = cut(row, 1500);
  for (let kept = 0; kept < pieces.length; kept += Math.ceil(pieces.length / 7)) {
    const first = isal();
    const produced: Buffer[] = [];
    const take = (bytes: Buffer): void => void produced.push(Buffer.from(bytes));
    for (const piece of pieces.slice(0, kept)) await first.feed(piece, take);
    const second = isal(first.state());
    for (const piece of pieces.slice(kept)) await second.feed(piece, take);
    await second.end();
    assert.ok(Buffer.concat(produced).equals(raw), `after ${kept} pieces`);
  }
});
