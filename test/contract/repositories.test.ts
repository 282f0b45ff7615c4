/** What every repository does, over each kind: a directory, a real nginx, a distribution that checks signatures. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { GrantHolder } from '../../edge-agent/repositories/grant-holder.ts';
import { openCloudFront } from '../../edge-agent/repositories/open-cloudfront.ts';
import { openRepository } from '../../edge-agent/repositories/open-repository.ts';
import { FAR_FUTURE } from '../helpers/edge-fixture.ts';
import { startOrigin, startViewer } from '../helpers/loopback-distribution.ts';
import { startNginx } from '../helpers/nginx.ts';
import { testRepository } from '../helpers/repository-suite.ts';
import { SAMPLE_IMAGE_ID } from '../helpers/sample-disk.ts';
import { createTemporaryFolder } from '../helpers/temporary-folder.ts';

const retry = { deadlineSeconds: 2 };
const OPTIONS = { repositoryHosts: [], connections: 8, retry };

/** A file that is replaced is another one, as with every tool that takes care. */
async function put(directory: string, path: string, content: Buffer): Promise<void> {
  const file = join(directory, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

async function makeDirectory(t: TestContext, files: ReadonlyMap<string, Buffer>): Promise<string> {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  for (const [path, content] of files) await put(folder.path, path, content);
  return folder.path;
}

testRepository('formats §4: a directory of the site', async (t, files) => {
  const directory = await makeDirectory(t, files);
  return {
    open: () => openRepository(directory, OPTIONS),
    replace: (path, content) => put(directory, path, content),
  };
});

testRepository('formats §4: a plain web server', async (t, files) => {
  const directory = await makeDirectory(t, files);
  const { address } = await startNginx(t, directory);
  return { open: () => openRepository(address, OPTIONS), replace: (path, content) => put(directory, path, content) };
});

testRepository('formats §4: a CloudFront distribution with signed URLs', async (t, files) => {
  const origin = await startOrigin(t);
  const put = (path: string, content: Buffer): void => {
    origin.objects.set(path, { content, cacheControl: 'max-age=0' });
  };
  for (const [path, content] of files) put(path, content);
  const { distribution, sign } = await startViewer(t, origin.baseUrl);
  const { baseUrl, resolvers } = distribution;
  const signedQuery = sign(SAMPLE_IMAGE_ID).slice(1);
  const resource = `${baseUrl}/images/${SAMPLE_IMAGE_ID}/*`;
  const grant = { schemaVersion: 1, baseUrl, signedQuery, resource, expiresAt: FAR_FUTURE } as const;
  return {
    open: () =>
      openCloudFront({
        grants: new GrantHolder(grant, () => Promise.resolve({ ...grant })),
        resolvers: resolvers.map(({ server }) => server),
        connections: 8,
        retry,
        signal: AbortSignal.timeout(10_000),
      }),
    replace(path, content) {
      put(path, content);
      return Promise.resolve();
    },
  };
});
