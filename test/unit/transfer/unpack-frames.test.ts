import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { hasCode } from '#shared/errors.ts';
import { createUnpacker, type FrameTarget } from '../../../edge-agent/transfer/unpack-frames.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const BLOCK = 64 * 1024;
const unpack = createUnpacker();
const goOn = (): boolean => true;

function describeFrame(raw: Buffer, diskOffsetBytes: number): { compressed: Buffer; target: FrameTarget } {
  const compressed = zstdCompressSync(raw);
  const target = {
    lengthBytes: compressed.length,
    sha256: hash('sha256', compressed),
    diskOffsetBytes,
    rawSizeBytes: raw.length,
  };
  return { compressed, target };
}

async function openScratch() {
  const cleanUp = new AsyncDisposableStack();
  const folder = cleanUp.use(await createTemporaryFolder());
  const handle = cleanUp.use(await open(join(folder.path, 'disk'), 'w+'));
  await handle.truncate(100 * BLOCK);
  return { handle, [Symbol.asyncDispose]: () => cleanUp.disposeAsync() };
}

test('only blocks that are not zero are written, at their places', async () => {
  await using scratch = await openScratch();
  const raw = Buffer.alloc(4 * BLOCK);
  raw.fill('a', BLOCK, BLOCK + 10);
  raw.fill('b', 3 * BLOCK);
  const first = describeFrame(raw, 8 * BLOCK);
  const second = describeFrame(Buffer.from('the end of the disk'), 50 * BLOCK);
  const fileDescriptor = scratch.handle.fd;
  const bytes = Buffer.concat([first.compressed, second.compressed]);
  unpack({ fileDescriptor, bytes, frames: [first.target, second.target] }, goOn);

  const written = await scratch.handle.readFile();
  assert.ok(written.subarray(8 * BLOCK, 12 * BLOCK).equals(raw));
  assert.equal(written.toString('latin1', 50 * BLOCK, 50 * BLOCK + 19), 'the end of the disk');
  assert.equal((await scratch.handle.stat()).blocks * 512, 2 * BLOCK + 4096);
});

test('one bad frame, and nothing of the answer is written', async () => {
  await using scratch = await openScratch();
  const good = describeFrame(Buffer.alloc(BLOCK, 'x'), 0);
  const bytes = Buffer.concat([good.compressed, good.compressed]);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  const unpacking = { fileDescriptor: scratch.handle.fd, bytes, frames: [good.target, good.target] };
  assert.throws(
    () => unpack(unpacking, goOn),
    (error) => hasCode(error, 'PART_CORRUPT'),
  );
  assert.equal((await scratch.handle.stat()).blocks, 0);
});

test('bytes beyond the frames are corrupt', async () => {
  await using scratch = await openScratch();
  const { compressed, target } = describeFrame(Buffer.alloc(BLOCK, 'x'), 0);
  const bytes = Buffer.concat([compressed, Buffer.from('more')]);
  const unpacking = { fileDescriptor: scratch.handle.fd, bytes, frames: [target] };
  assert.throws(
    () => unpack(unpacking, goOn),
    (error) => hasCode(error, 'PART_CORRUPT'),
  );
});

test('a bomb under a good digest is the publisher’s fault: nothing is fetched again', async () => {
  await using scratch = await openScratch();
  const { compressed, target } = describeFrame(Buffer.alloc(64 * 1024 * 1024), 0);
  const frames = [{ ...target, rawSizeBytes: BLOCK }];
  const unpacking = { fileDescriptor: scratch.handle.fd, bytes: compressed, frames };
  assert.throws(
    () => unpack(unpacking, goOn),
    (error) => hasCode(error, 'MANIFEST_UNTRUSTED'),
  );
});

test('once stopped, it writes nothing', async () => {
  await using scratch = await openScratch();
  const { compressed, target } = describeFrame(Buffer.alloc(BLOCK, 'x'), 0);
  const unpacking = { fileDescriptor: scratch.handle.fd, bytes: compressed, frames: [target] };
  assert.throws(
    () => unpack(unpacking, () => false),
    (error) => hasCode(error, 'CANCELED'),
  );
  assert.equal((await scratch.handle.stat()).blocks, 0);
});
