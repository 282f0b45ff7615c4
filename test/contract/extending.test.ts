/** docs/extending.md keeps its word: its example compiles as it stands, and passes the suite of all repositories. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { before, after, test, type TestContext } from 'node:test';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { openRepository } from '../../edge-agent/repositories/open-repository.ts';
import { REPOSITORY_KINDS } from '../../edge-agent/repositories/registry.ts';
import type { RepositoryKind } from '../../edge-agent/repositories/repository.ts';
import { testRepository } from '../helpers/repository-suite.ts';
import { createTemporaryFolder, type TemporaryFolder } from '../helpers/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = 'edge-agent/repositories';
const EXAMPLE = `${FOLDER}/tar.ts`;

let tree: TemporaryFolder;
before(async () => {
  tree = await createTemporaryFolder();
  await plantExample(tree.path);
});
after(() => tree[Symbol.asyncDispose]());

/** A tree that is ours, by links, but for the example in its place. */
async function plantExample(directory: string): Promise<void> {
  const link = (path: string): Promise<void> => symlink(join(ROOT, path), join(directory, path));
  await mkdir(join(directory, FOLDER), { recursive: true });
  for (const path of ['package.json', 'node_modules', 'shared']) await link(path);
  for (const parent of ['edge-agent', FOLDER]) {
    for (const name of await readdir(join(ROOT, parent))) {
      if (join(parent, name) !== FOLDER) await link(join(parent, name));
    }
  }
  const page = await readFile(join(ROOT, 'docs/extending.md'), 'utf8');
  const [, example] = page.split(`\`\`\`ts\n// ${EXAMPLE}\n`);
  assert.ok(example !== undefined, 'the page has the example');
  await writeFile(join(directory, EXAMPLE), example.slice(0, example.indexOf('\n```')));
  const configuration = { extends: join(ROOT, 'tsconfig.json'), include: [], files: [EXAMPLE] };
  await writeFile(join(directory, 'tsconfig.json'), JSON.stringify(configuration));
}

async function loadExample(): Promise<RepositoryKind> {
  const url = pathToFileURL(join(tree.path, EXAMPLE)).href;
  const { tarRepository } = (await import(url)) as { tarRepository: RepositoryKind };
  return tarRepository;
}

test('the example compiles', { timeout: 120_000 }, async () => {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  await runCommandOrThrow(process.execPath, [tsc, '-p', tree.path], { timeoutSeconds: 110 });
});

testRepository('the tar archive of docs/extending.md', async (t: TestContext, files) => {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const archive = join(folder.path, 'images.tar');
  const content = join(folder.path, 'content');
  const put = async (path: string, bytes: Buffer): Promise<void> => {
    await mkdir(dirname(join(content, path)), { recursive: true });
    await writeFile(join(content, path), bytes);
  };
  const pack = async (): Promise<void> => {
    await runCommandOrThrow('tar', ['--format=ustar', '-C', content, '-cf', `${archive}.new`, '.']);
    await rename(`${archive}.new`, archive);
  };
  for (const [path, bytes] of files) await put(path, bytes);
  await pack();
  const kinds = [await loadExample(), ...REPOSITORY_KINDS];
  return {
    open: () => openRepository(archive, { repositoryHosts: [], connections: 4 }, kinds),
    replace: async (path, bytes) => {
      await put(path, bytes);
      await pack();
    },
  };
});
