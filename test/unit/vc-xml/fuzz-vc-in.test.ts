/** Descriptions mutated at random, the same in every run: each is read or refused, fast, and nothing else happens. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { EdgebootError, hasCode } from '#shared/errors.ts';
import { isPlainPath } from '#shared/vc-xml/part-path.ts';
import { readVcIn } from '#shared/vc-xml/read-vc-in.ts';
import { parseVcdb } from '#shared/vc-xml/vcdb.ts';
import { seededRandom } from '../../helpers/seeded-random.ts';

const ROUNDS = 30_000;
const SLOWEST_MILLISECONDS = 1000;
const SEEDS = ['listed', 'inside', 'beside'].map((kind) =>
  readFileSync(new URL(`../../fixtures/vc-in/${kind}.xml`, import.meta.url)),
);
const WORDS = [
  ...['<!DOCTYPE x [', '<!ENTITY a "b">', '&a;', '&#0;', '&#x110000;', '<![CDATA[', ']]>', '<!--', '-->', '<?x?>'],
  ...['<part>', '</part>', '<file>', '<domain>', '</vc>', '/>', '"', "'", '<', '>', '&', '\0', '\u{1F600}', '\uFFFF'],
  ...['../', '/etc/passwd', '99999999999999999999', '-1', 'NaN', '1e309', '__proto__', 'constructor', ' unit="k"'],
].map((word) => Buffer.from(word));

function randomFrom(seed: number): (below: number) => number {
  const random = seededRandom(seed);
  return (below) => Math.floor(random() * below);
}

function mutate(original: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(original);
  for (let times = 1 + random(4); times > 0; times--) {
    const at = random(bytes.length + 1);
    const to = Math.min(bytes.length, at + random(80));
    const piece = bytes.subarray(at, to);
    const kinds = [
      () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]),
      () => Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)]),
      () => Buffer.concat([bytes.subarray(0, at), WORDS[random(WORDS.length)] ?? piece, bytes.subarray(at)]),
      () =>
        Buffer.concat([bytes.subarray(0, at), ...Array.from({ length: random(200) }, () => piece), bytes.subarray(at)]),
      () => {
        const flipped = Buffer.from(bytes);
        if (at < flipped.length) flipped[at] = random(256);
        return flipped;
      },
    ];
    bytes = kinds[random(kinds.length)]?.() ?? bytes;
  }
  return bytes;
}

test(`fault 45: ${ROUNDS} mutated descriptions: no crash, no hang, no path that leads out`, () => {
  const random = randomFrom(20_131_107);
  let accepted = 0;
  let slowest = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutate(SEEDS[round % SEEDS.length] ?? Buffer.alloc(0), random);
    const start = performance.now();
    try {
      const { frontend, compute } = readVcIn(bytes);
      accepted++;
      for (const part of [...frontend.disk.parts, ...(compute?.disk?.parts ?? [])]) assert.ok(isPlainPath(part), part);
    } catch (error) {
      if (!hasCode(error, 'IMAGE_NOT_COMPLIANT')) throw new Error(`round ${round}`, { cause: error });
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  assert.ok(accepted > ROUNDS / 100 && accepted < ROUNDS, `${accepted} accepted`);
  assert.ok(slowest < SLOWEST_MILLISECONDS, `one took ${slowest} ms`);
});

test('documents made to be slow are refused or read in time', () => {
  const filler = 'x'.repeat(900_000);
  const documents = [
    `<vc ${Array.from({ length: 80_000 }, (_, i) => `a${i}=""`).join(' ')}/>`,
    `<vc>${'<a/>'.repeat(200_000)}</vc>`,
    `<vc>${'&amp;'.repeat(200_000)}</vc>`,
    `<vc a="${'&lt;'.repeat(200_000)}"/>`,
    `<vc>${'<!---->'.repeat(140_000)}</vc>`,
    `<vc><!--${filler}`,
    `<vc>${filler}</vc>`,
    `<${filler}/>`,
    `<vc ${filler}="1"/>`,
    `<vc>${'<'.repeat(900_000)}`,
    `<vc>${' '.repeat(900_000)}</vc>`,
  ];
  for (const xml of documents) {
    const start = performance.now();
    assert.throws(() => readVcIn(Buffer.from(xml)), EdgebootError);
    assert.ok(performance.now() - start < SLOWEST_MILLISECONDS, xml.slice(0, 40));
  }
});

test('fault 42: mutated indexes give plain paths, or nothing', () => {
  const random = randomFrom(7);
  const seed = Buffer.from(
    '# x\nrocks-sge,rocks-sge/rocks-sge.xml\r\nother,/vc/other.xml\nhpc,images/a/manifests/b.json\n',
  );
  for (let round = 0; round < ROUNDS; round++) {
    try {
      for (const { path } of parseVcdb(mutate(seed, random)))
        assert.ok(isPlainPath(path.replace(/^(?:https?:\/\/[A-Za-z0-9.-]+(?::\d+)?)?\//, '')), path);
    } catch (error) {
      if (!hasCode(error, 'IMAGE_NOT_COMPLIANT')) throw error;
    }
  }
});
