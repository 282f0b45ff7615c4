/** A web server as a repository: how it is named, and what it, or the way to it, may do wrong. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { type ErrorCode, hasCode } from '#shared/errors.ts';
import type { ObjectRequest } from '../../../edge-agent/ports.ts';
import { openRepository, type Repository } from '../../../edge-agent/repositories/open-repository.ts';
import { type Fault, type PartServer, type SeenRequest, startPartServer } from '../../helpers/part-server.ts';
import { startUntrustedTlsServer } from '../../helpers/untrusted-tls-server.ts';

const signal = AbortSignal.timeout(60_000);
const CONTENT = Buffer.from('<vc version="0.1">a description, or a part of a disk</vc>');
const FILE = 'vc/rocks-sge/rocks-sge.xml';
const objects = new Map([
  [FILE, CONTENT],
  ['elsewhere/a%2Bb.xml', CONTENT],
]);
const whole: ObjectRequest = { path: 'rocks-sge/rocks-sge.xml', sizeBytes: CONTENT.length };
const ranged: ObjectRequest = { ...whole, range: { offsetBytes: 5, lengthBytes: 10 } };
const OPTIONS = { repositoryHosts: [], connections: 4, retry: { firstDelaySeconds: 0.01, deadlineSeconds: 0.2 } };
const fails = (code: ErrorCode) => (error: unknown) => hasCode(error, code) || assert.fail(String(error));

type FaultOf = (request: SeenRequest) => Fault | undefined;

async function start(t: TestContext, faultOf?: FaultOf): Promise<{ server: PartServer; repository: Repository }> {
  const server = await startPartServer({ objects, ...(faultOf && { faultOf }) });
  t.after(() => server[Symbol.asyncDispose]());
  const repository = await openRepository(`${server.baseUrl}/vc`, OPTIONS);
  t.after(() => repository.close());
  return { server, repository };
}

/** The fault for the first `times` requests. */
const atFirst =
  (fault: Fault, times = 1): FaultOf =>
  ({ number }) =>
    number < times ? fault : undefined;

test('formats §4: a web server is named with or without a slash at the end', async (t) => {
  const { server } = await start(t);
  for (const address of [
    `${server.baseUrl}/vc`,
    `${server.baseUrl}/vc/`,
    `HTTP://${server.address}:${server.port}/vc`,
  ]) {
    await using repository = await openRepository(address, OPTIONS);
    assert.ok((await repository.fetch(whole, signal)).bytes.equals(CONTENT));
  }
});

test('an address that is more than a place is refused, and not repeated', async () => {
  for (const address of [
    'http://user:geheim@127.0.0.1/vc',
    'http://127.0.0.1/vc?geheim',
    'http://127.0.0.1/#geheim',
    'http://',
  ]) {
    await assert.rejects(openRepository(address, OPTIONS), (error) => {
      assert.ok(fails('INVALID_CONFIG')(error));
      assert.doesNotMatch(String(error), /geheim/);
      return true;
    });
  }
});

test('formats §3: paths in vcdb.txt are relative, absolute on the host, or URLs of the host', async (t) => {
  const { server, repository } = await start(t);
  for (const [named, requested] of [
    ['rocks-sge/rocks-sge.xml', FILE],
    ['/vc/rocks-sge/rocks-sge.xml', FILE],
    [`${server.baseUrl}/vc/rocks-sge/rocks-sge.xml`, FILE],
    ['/elsewhere/a+b.xml', 'elsewhere/a%2Bb.xml'],
    [`${server.baseUrl}/elsewhere/a+b.xml`, 'elsewhere/a%2Bb.xml'],
  ] as const) {
    const { source, path } = await repository.locate(named);
    const { bytes } = await source.fetch({ path, sizeBytes: undefined, maxBytes: 1000 }, signal);
    assert.ok(bytes.equals(CONTENT));
    assert.equal(server.requests.at(-1)?.path, requested);
  }
});

test('fault 42: paths in vcdb.txt that lead upward, or to another host, are refused', async (t) => {
  const { server, repository } = await start(t);
  for (const [named, code] of [
    ['../elsewhere/a.xml', 'INVALID_REQUEST'],
    ['/vc/../elsewhere/a.xml', 'INVALID_REQUEST'],
    [`${server.baseUrl}/vc/../elsewhere/a.xml`, 'INVALID_REQUEST'],
    ['//192.0.2.1/a.xml', 'INVALID_REQUEST'],
    ['rocks-sge/a.xml?secret', 'INVALID_REQUEST'],
    ['http://192.0.2.1/a.xml', 'FORBIDDEN'],
    [`http://127.0.0.1:${server.port === 1 ? 2 : 1}/a.xml`, 'FORBIDDEN'],
    ['file:///etc/passwd', 'INVALID_REQUEST'],
  ] as const) {
    await assert.rejects(repository.locate(named), fails(code), named);
  }
  assert.equal(server.requests.length, 0);
});

const passing: readonly (readonly [string, ObjectRequest, Fault])[] = [
  ['fault 3: a body that is cut', whole, { kind: 'truncated' }],
  ['fault 3: a range that is cut', ranged, { kind: 'truncated' }],
  ['fault 3: a body that ends early, of a length that nobody said', whole, { kind: 'short-without-length' }],
  ['fault 7: too many requests', whole, { kind: 'status', status: 429 }],
  ['fault 7: no service, for now', whole, { kind: 'status', status: 503, retryAfter: '0' }],
  ['fault 7: a server that fails', ranged, { kind: 'status', status: 500 }],
];
for (const [name, request, fault] of passing) {
  test(`${name}: it is asked again`, async (t) => {
    const { server, repository } = await start(t, atFirst(fault));
    const { bytes } = await repository.fetch(request, signal);
    assert.ok(bytes.equals(request === whole ? CONTENT : CONTENT.subarray(5, 15)));
    assert.equal(server.requests.length, 2);
  });
}

const wrong: readonly (readonly [string, ObjectRequest, Fault])[] = [
  ['fault 3: a body of another length', whole, { kind: 'wrong-length' }],
  ['fault 4: a range that is ignored', ranged, { kind: 'ignored-range' }],
  ['fault 4: a wrong Content-Range', ranged, { kind: 'wrong-range' }],
  ['fault 6: an endless body', whole, { kind: 'endless' }],
  ['fault 6: an endless range', ranged, { kind: 'endless' }],
  [
    'fault 6: an endless body of a file that nobody declared',
    { path: whole.path, sizeBytes: undefined, maxBytes: 100 },
    { kind: 'endless' },
  ],
  [
    'fault 4: an end that is all of the file',
    { path: whole.path, sizeBytes: undefined, range: { lastBytes: 8 } },
    { kind: 'ignored-range' },
  ],
];
for (const [name, request, fault] of wrong) {
  test(`${name}: it is refused at once, for whoever asks to fetch again`, async (t) => {
    const { server, repository } = await start(t, () => fault);
    await assert.rejects(repository.fetch(request, signal), fails('PART_CORRUPT'));
    assert.equal(server.requests.length, 1);
  });
}

const refused: readonly (readonly [number, ErrorCode])[] = [
  [400, 'FORBIDDEN'],
  [401, 'FORBIDDEN'],
  [403, 'FORBIDDEN'],
  [404, 'NOT_FOUND'],
  [410, 'NOT_FOUND'],
  [416, 'PART_CORRUPT'],
];
for (const [status, code] of refused) {
  test(`status ${status} is ${code}, at once`, async (t) => {
    const { server, repository } = await start(t, () => ({ kind: 'status', status }));
    await assert.rejects(repository.fetch(whole, signal), fails(code));
    assert.equal(server.requests.length, 1);
  });
}

test('fault 7: a storm ends at the deadline, however long the server asks to wait', async (t) => {
  for (const retryAfter of ['0', '3600']) {
    const { server, repository } = await start(t, () => ({ kind: 'status', status: 429, retryAfter }));
    await assert.rejects(repository.fetch(whole, signal), fails('THROTTLED'));
    assert.equal(server.requests.length > 1, retryAfter === '0');
  }
});

test('fault 8: redirects on the same host are followed, three times and no more', async (t) => {
  for (const [times, isFollowed] of [
    [3, true],
    [4, false],
  ] as const) {
    const { server, repository } = await start(t, atFirst({ kind: 'redirect', location: `/${FILE}` }, times));
    const fetching = repository.fetch(ranged, signal);
    if (isFollowed) assert.ok((await fetching).bytes.equals(CONTENT.subarray(5, 15)));
    else await assert.rejects(fetching, fails('FORBIDDEN'));
    assert.equal(server.requests.length, 4);
    assert.ok(server.requests.every(({ range }) => range === 'bytes=5-14'));
  }
});

test('fault 8, fault 57: a redirect to another place is not followed', async (t) => {
  const { server: other } = await start(t);
  for (const location of [
    `http://127.0.0.1:${other.port}/${FILE}`,
    `http://localhost:${other.port}/${FILE}`,
    'http://169.254.169.254/latest/meta-data',
    'http://2130706433/',
    'http://[::ffff:127.0.0.1]/',
    '//192.0.2.1/a',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'http://[',
    '',
  ]) {
    const { server, repository } = await start(t, () => ({ kind: 'redirect', location }));
    // Nothing to go to is what the server says of itself: around in a circle.
    await assert.rejects(repository.fetch(whole, signal), fails('FORBIDDEN'), location);
    assert.equal(server.requests.length, location === '' ? 4 : 1);
  }
  assert.equal(other.requests.length, 0);
});

test('fault 8: a server that does not prove who it is is refused, named or led to', async (t) => {
  const { port } = await startUntrustedTlsServer(t);
  await using named = await openRepository(`https://127.0.0.1:${port}/vc`, OPTIONS);
  await assert.rejects(named.fetch(whole, signal), fails('FORBIDDEN'));
  const { repository } = await start(t, () => ({ kind: 'redirect', location: `https://127.0.0.1:${port}/${FILE}` }));
  await assert.rejects(repository.fetch(whole, signal), fails('FORBIDDEN'));
});

test('nobody there is said so, without an endless wait', async (t) => {
  const { server, repository } = await start(t);
  await server[Symbol.asyncDispose]();
  await assert.rejects(repository.fetch(whole, signal), fails('PART_UNAVAILABLE'));
});

describe('fault 2', { concurrency: true }, () => {
  // The server is given up after 15 s of silence.
  for (const request of [whole, ranged]) {
    test(`fault 2: a server that hangs is given up, and asked again (${request.range ? 'range' : 'whole'})`, async (t) => {
      const { server, repository } = await start(t, ({ number }) => (number === 0 ? { kind: 'silent' } : undefined));
      await using patient = await openRepository(`${server.baseUrl}/vc`, { ...OPTIONS, retry: {} });
      assert.ok((await patient.fetch(request, signal)).bytes.length > 0);
      assert.equal(server.requests.length, 2);
      await repository.close();
    });
  }
});
