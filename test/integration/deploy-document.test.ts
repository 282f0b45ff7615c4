/** docs/deploy-aws.md, as far as it can be held against something without an account: its blocks, their variables, the stack's outputs. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { before, describe, it } from 'node:test';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { parse } from 'yaml';
import * as z from 'zod';

const ROOT = new URL('../../', import.meta.url);
const OF_THE_SHELL = ['PATH', 'PWD'];
const NAME = String.raw`[A-Za-z_]\w*`;
const outputsSchema = z.object({ Outputs: z.record(z.string(), z.unknown()).default({}) });

/** CloudFormation's own tags are no concern here. */
const readParts = (text: string): unknown => parse(text, { logLevel: 'silent' });

void describe('the way to AWS', () => {
  let document: string;
  let blocks: readonly string[];
  before(async () => {
    document = await readFile(new URL('docs/deploy-aws.md', ROOT), 'utf8');
    blocks = [...document.matchAll(/^```\n(.*?)^```$/gms)].map(([, block = '']) => block);
    assert.ok(blocks.length >= 10, `${blocks.length} blocks`);
  });

  it('is bash, block by block', async () => {
    for (const block of blocks) await runCommandOrThrow('bash', ['-n', '-c', block], {});
  });

  it('sets each variable before it uses it', () => {
    // What is in single quotes is not the shell's.
    const text = blocks.join('\n').replaceAll(/'[^'\n]*'/g, "''");
    const places = (pattern: string) => [...text.matchAll(new RegExp(pattern, 'g'))];
    const set = new Map<string, number>();
    for (const { 1: name = '', index } of places(`(?:^|[ \\n])(?:for )?(${NAME})(?:=| in )`)) {
      if (!set.has(name)) set.set(name, index);
    }
    const used = places(`\\$\\{?(${NAME})`).filter(({ 1: name = '' }) => !OF_THE_SHELL.includes(name));
    assert.ok(used.length > 40, `${used.length} uses`);
    const unset = used.filter(({ 1: name = '', index }) => (set.get(name) ?? Infinity) > index).map(([word]) => word);
    assert.deepEqual(unset, []);
  });

  it('asks for outputs that the stack has', async () => {
    const files = (await readdir(new URL('stack/', ROOT))).map((name) => new URL(`stack/${name}`, ROOT));
    const parts = await Promise.all(files.map(async (file) => readParts(await readFile(file, 'utf8'))));
    const outputs = parts.flatMap((part) => Object.keys(outputsSchema.parse(part).Outputs));
    const asked = [...document.matchAll(/\$\(output (\w+)\)/g)].map(([, name = '']) => name);
    assert.deepEqual(asked.toSorted(), ['ApiUrl', 'SigningKeyIdA']);
    assert.deepEqual(
      asked.filter((name) => !outputs.includes(name)),
      [],
    );
  });

  it('sets what serverless.yml reads of the environment, but what has a default that is meant', async () => {
    const service = await readFile(new URL('serverless.yml', ROOT), 'utf8');
    const read = [...service.matchAll(/\$\{env:(\w+)/g)].map(([, name = '']) => name);
    const meant = ['SIGNING_PUBLIC_KEY_B', 'DISTRIBUTION_URL', 'EDGEBOOT_BUILD_FOLDER'];
    const missing = read.filter((name) => !meant.includes(name) && !new RegExp(`[ \\n]${name}=`).test(document));
    assert.deepEqual(missing, []);
  });
});
