/** Each batch is checked when it is in: a bucket's 200 alone is not believed. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { buffer, json } from 'node:stream/consumers';
import { it, type TestContext } from 'node:test';
import { ApiClient } from '#shared/api-client.ts';
import { uploadsRequest } from '#shared/api/images.ts';
import { Uploader } from '../../../cli/publish/uploader.ts';
import { startLoopbackServer } from '../../../local/loopback-server.ts';

/** An API and a bucket that takes every object with a 200, and loses so many of the first copies of each. */
async function forgetfulBucket(test: TestContext, losses: number) {
  const puts = new Map<string, number>();
  const server = await startLoopbackServer((incoming, outgoing) => {
    const answer = async () => {
      const path = incoming.url ?? '';
      if (incoming.method === 'PUT') {
        await buffer(incoming);
        puts.set(path.slice(1), (puts.get(path.slice(1)) ?? 0) + 1);
        return outgoing.writeHead(200).end();
      }
      const { objects } = uploadsRequest.parse(await json(incoming));
      const uploads = objects.map(({ sha256 }) => {
        const there = (puts.get(sha256) ?? 0) > losses;
        return { sha256, ...(!there && { upload: { url: `${server.url}/${sha256}`, headers: {} } }) };
      });
      return outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ uploads }));
    };
    answer().catch(() => outgoing.destroy());
  });
  test.after(() => server.close());
  const uploader = new Uploader(
    new ApiClient(server.url, () => Promise.resolve(undefined)),
    '01JD0000000000000000000000',
  );
  test.after(() => uploader[Symbol.asyncDispose]());
  return { uploader, puts };
}

const objectOf = (text: string) => {
  const bytes = Buffer.from(text);
  return { objectKind: 'parts', sha256: hash('sha256', bytes), bytes } as const;
};

it('sends what the bucket took and has not, until it is there', async (test) => {
  const { uploader, puts } = await forgetfulBucket(test, 1);
  for (const text of ['one', 'two', 'three']) await uploader.add(objectOf(text));
  await uploader.finish();
  assert.deepEqual([...puts.values()], [2, 2, 2]);
  assert.deepEqual(uploader.progress, { uploadedObjects: 3, uploadedBytes: 11, presentObjects: 0 });
});

it('gives up on a bucket that keeps nothing', async (test) => {
  const { uploader } = await forgetfulBucket(test, Infinity);
  await uploader.add(objectOf('one'));
  await assert.rejects(uploader.finish(), { name: 'EdgebootError', code: 'PART_UNAVAILABLE' });
  assert.equal(uploader.progress.uploadedObjects, 0);
});
