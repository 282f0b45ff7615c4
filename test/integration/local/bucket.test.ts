import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { suite, test, before, after } from 'node:test';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { request } from 'undici';
import { startQueuesAndBucket, type QueuesAndBucket } from '../../../local/aws/queues-and-bucket.ts';
import { clientOptions } from './client-options.ts';

const CHECKSUM = 'x-amz-checksum-sha256';
const Bucket = 'images';

void suite('S3', { timeout: 20_000 }, () => {
  let service: QueuesAndBucket;
  let s3: S3Client;
  before(async () => {
    service = await startQueuesAndBucket();
    s3 = new S3Client({ ...clientOptions(service.s3Endpoint), forcePathStyle: true });
    await s3.send(new CreateBucketCommand({ Bucket }));
  });
  after(async () => {
    s3.destroy();
    await service.close();
  });

  const presign = async (Key: string, body: Buffer) => {
    const checksum = createHash('sha256').update(body).digest('base64');
    const command = new PutObjectCommand({ Bucket, Key, ChecksumSHA256: checksum });
    const unhoistableHeaders = new Set([CHECKSUM]);
    return { checksum, url: await getSignedUrl(s3, command, { expiresIn: 60, unhoistableHeaders }) };
  };
  const put = async (url: string, body: Buffer, checksum: string) => {
    const response = await request(url, { method: 'PUT', body, headers: { [CHECKSUM]: checksum } });
    return { statusCode: response.statusCode, text: await response.body.text() };
  };

  void test('a presigned upload of a whole part is stored, and HEAD says its size', async () => {
    const body = randomBytes(8 * 1024 * 1024 + 4096);
    const { url, checksum } = await presign('parts/a', body);
    assert.match(new URL(url).searchParams.get('X-Amz-SignedHeaders') ?? '', /x-amz-checksum-sha256/);
    assert.equal((await put(url, body, checksum)).statusCode, 200);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'parts/a', ChecksumMode: 'ENABLED' }));
    assert.equal(head.ContentLength, body.length);
    assert.equal(head.ChecksumSHA256, checksum);
  });

  void test('a body that is not what its checksum says is refused and not stored', async () => {
    const { url, checksum } = await presign('parts/bad', Buffer.from('good'));
    const refused = await put(url, Buffer.from('evil'), checksum);
    assert.equal(refused.statusCode, 400);
    assert.match(refused.text, /<Code>BadDigest<\/Code>/);
    await assert.rejects(s3.send(new HeadObjectCommand({ Bucket, Key: 'parts/bad' })), { name: 'NotFound' });
  });

  void test('ranges, listing by prefix, and a missing key', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'list/one', Body: '0123456789' }));
    await s3.send(new PutObjectCommand({ Bucket, Key: 'list/two', Body: 'x' }));
    const ranged = await s3.send(new GetObjectCommand({ Bucket, Key: 'list/one', Range: 'bytes=2-4' }));
    assert.equal(ranged.ContentRange, 'bytes 2-4/10');
    assert.equal(await ranged.Body?.transformToString(), '234');
    const first = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/', MaxKeys: 1 }));
    const { NextContinuationToken: ContinuationToken } = first;
    const second = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/', ContinuationToken }));
    assert.deepEqual(
      [...(first.Contents ?? []), ...(second.Contents ?? [])].map(({ Key, Size }) => [Key, Size]),
      [
        ['list/one', 10],
        ['list/two', 1],
      ],
    );
    await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: 'none' })), { name: 'NoSuchKey' });
  });
});
