/** Which bases make way, in which order, and when it is no use. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noRoom } from '../../../edge-agent/cache/no-room.ts';
import { planPrune } from '../../../edge-agent/cache/plan-prune.ts';
import { planRoom, type Removable, type Space } from '../../../edge-agent/cache/plan-room.ts';

const GB = 1e9;
const UNLIMITED = { maxBytes: undefined, keepFreeBytes: 0 };

/** 10 GB each, complete, and used in the order that their names tell. */
function base(name: string, changes: Partial<Removable> = {}): Removable {
  return {
    ...{ base: name, state: 'complete', allocatedBytes: 10 * GB, lastUsedAt: new Date(name.charCodeAt(0)) },
    ...{ isPinned: false, usedBy: [], isBusy: false, ...changes },
  };
}

const spaceOf = (bases: readonly Removable[], freeBytes: number, incomingBytes = 0): Space => ({
  ...{ freeBytes, incomingBytes },
  cachedBytes: bases.reduce((sum, { allocatedBytes }) => sum + allocatedBytes, 0),
});
const exactly = (bytes: number) => ({ leastBytes: bytes, expectedBytes: bytes });
const namesOf = (bases: readonly Removable[] | undefined) => bases?.map((one) => one.base);

const [a, b, c] = [base('a'), base('b'), base('c')];
const ALL = [c, a, b];

test('nothing goes while there is room, to the byte', () => {
  const limits = { maxBytes: 50 * GB, keepFreeBytes: 5 * GB };
  assert.deepEqual(planRoom(ALL, spaceOf(ALL, 25 * GB), limits, exactly(20 * GB)), []);
  assert.deepEqual(namesOf(planRoom(ALL, spaceOf(ALL, 25 * GB - 1), limits, exactly(20 * GB))), ['a'], 'the disk');
  assert.deepEqual(namesOf(planRoom(ALL, spaceOf(ALL, 99 * GB), limits, exactly(20 * GB + 1))), ['a'], 'the cap');
});

test('what was not used longest goes first, and no more than is needed', () => {
  assert.deepEqual(namesOf(planRoom(ALL, spaceOf(ALL, 0), UNLIMITED, exactly(1))), ['a']);
  assert.deepEqual(namesOf(planRoom(ALL, spaceOf(ALL, 0), UNLIMITED, exactly(11 * GB))), ['a', 'b']);
  assert.deepEqual(namesOf(planRoom(ALL, spaceOf(ALL, 9 * GB), UNLIMITED, exactly(39 * GB))), ['a', 'b', 'c']);
});

test('what is not whole goes before what is', () => {
  const bases = [
    a,
    base('z', { state: 'partial', allocatedBytes: 3 * GB }),
    base('y', { state: 'absent', allocatedBytes: 0 }),
  ];
  assert.deepEqual(namesOf(planRoom(bases, spaceOf(bases, 0), UNLIMITED, exactly(2 * GB))), ['y', 'z']);
  assert.deepEqual(namesOf(planRoom(bases, spaceOf(bases, 0), UNLIMITED, exactly(4 * GB))), ['y', 'z', 'a']);
});

test('what is pinned, in use, being fetched or read never goes', () => {
  const kept = [base('a', { isPinned: true }), base('b', { usedBy: ['vc-1'] }), base('c', { isBusy: true })];
  const bases = [...kept, base('d')];
  assert.deepEqual(namesOf(planRoom(bases, spaceOf(bases, 0), UNLIMITED, exactly(10 * GB))), ['d']);
  assert.equal(planRoom(bases, spaceOf(bases, 0), UNLIMITED, exactly(10 * GB + 1)), undefined);
  assert.deepEqual(namesOf(planPrune(bases, spaceOf(bases, 0), UNLIMITED, { all: true, toBytes: undefined })), ['d']);
});

test('where it would not help, nothing goes', () => {
  assert.equal(planRoom(ALL, spaceOf(ALL, 0), UNLIMITED, exactly(30 * GB + 1)), undefined);
  const capped = { maxBytes: 5 * GB, keepFreeBytes: 0 };
  assert.equal(planRoom([], spaceOf([], 99 * GB), capped, exactly(5 * GB + 1)), undefined, 'larger than the cap alone');
});

test('other transfers have a right to what is still to come of them', () => {
  assert.deepEqual(planRoom(ALL, spaceOf(ALL, 20 * GB, 10 * GB), UNLIMITED, exactly(10 * GB)), []);
  assert.deepEqual(namesOf(planRoom(ALL, spaceOf(ALL, 20 * GB, 11 * GB), UNLIMITED, exactly(10 * GB))), ['a']);
});

test('room is made for what is expected, but only the least is asked for', () => {
  const need = { leastBytes: 5 * GB, expectedBytes: 15 * GB };
  assert.deepEqual(namesOf(planRoom(ALL, spaceOf(ALL, 6 * GB), UNLIMITED, need)), ['a']);
  assert.deepEqual(namesOf(planRoom([a], spaceOf([a], 1 * GB), UNLIMITED, need)), ['a'], 'all that can be had');
  assert.equal(planRoom([], spaceOf([], 4 * GB), UNLIMITED, need), undefined);
});

test('prune: what is not whole, then what the limits or the wish do not allow', () => {
  const partial = base('p', { state: 'partial', allocatedBytes: 1 * GB });
  const bases = [...ALL, partial];
  const pruned = (limits: Parameters<typeof planPrune>[2], toBytes?: number, freeBytes = 50 * GB) =>
    namesOf(planPrune(bases, spaceOf(bases, freeBytes), limits, { all: false, toBytes }));
  assert.deepEqual(pruned(UNLIMITED), ['p']);
  assert.deepEqual(pruned({ maxBytes: 25 * GB, keepFreeBytes: 0 }), ['p', 'a']);
  assert.deepEqual(pruned({ maxBytes: undefined, keepFreeBytes: 61 * GB }), ['p', 'a']);
  assert.deepEqual(pruned(UNLIMITED, 30 * GB), ['p']);
  assert.deepEqual(pruned(UNLIMITED, 30 * GB - 1), ['p', 'a']);
  assert.deepEqual(pruned(UNLIMITED, 0), ['p', 'a', 'b', 'c']);
});

test('who finds no room is told what is needed, what is free, and what would help', () => {
  const bases = [base('a', { isPinned: true }), base('b', { usedBy: ['vc-1'] })];
  const full = noRoom(bases, spaceOf(bases, 3 * GB), { maxBytes: undefined, keepFreeBytes: 1 * GB }, exactly(4 * GB));
  assert.equal(full.code, 'DISK_FULL');
  assert.match(
    full.message,
    /takes 4\.0 GB\. 3\.0 GB are free, of which 1\.0 GB stay so\. Of the cache, 10\.0 GB are in use, 10\.0 GB pinned/,
  );
  assert.match(full.remedy, /free space.*remove a cluster.*unpin.*keepFree/);
  const capped = noRoom([], spaceOf([], 90 * GB), { maxBytes: 2 * GB, keepFreeBytes: 0 }, exactly(4 * GB));
  assert.match(capped.message, /The cache may take 2\.0 GB/);
  assert.doesNotMatch(capped.message, /are free/);
  assert.match(capped.remedy, /raise cache\.maxSize/);
});
