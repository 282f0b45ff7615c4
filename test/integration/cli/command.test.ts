/** The command `edgeboot` as a process: usage, bad input, an API that is away or says odd things. The API here is a loopback server. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { EDGEBOOT, type ProgramResult, runProgram } from '../../../local/federation/program.ts';
import { sampleDeployment, SSH_KEY } from '../../helpers/model-samples.ts';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly key: string | undefined;
}
type Answer = readonly [status: number, body: unknown];

describe('edgeboot', () => {
  let directory: string;
  let server: Server;
  let seen: Seen[];
  /** Given in order; the last one for ever. */
  let answers: Answer[];

  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'edgeboot-cli-'));
    server = createServer((request, response) => {
      seen.push({
        method: request.method ?? '',
        url: request.url ?? '',
        key: request.headers['idempotency-key'] as string | undefined,
      });
      const [status, body] = (answers.length > 1 ? answers.shift() : answers[0]) ?? [500, {}];
      request.resume().on('end', () => response.writeHead(status).end(JSON.stringify(body)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await mkdir(path.join(directory, 'config'));
    await writeFile(
      path.join(directory, 'config/session.json'),
      JSON.stringify({
        apiUrl,
        issuer: 'http://127.0.0.1:1',
        audience: 'https://api.example.org',
        accessToken: 'token',
        expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    );
    await writeFile(path.join(directory, 'key.pub'), SSH_KEY);
  });
  beforeEach(() => {
    seen = [];
    answers = [[500, {}]];
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(directory, { recursive: true, force: true });
  });

  const env = () => ({ EDGEBOOT_CONFIG_DIRECTORY: path.join(directory, 'config') });
  const edgeboot = (...args: string[]): Promise<ProgramResult> => runProgram(EDGEBOOT, args, { env: env() });
  const create = (...more: string[]) =>
    edgeboot('deployment', 'create', 'hpc', '--site', 'naist', '--key', path.join(directory, 'key.pub'), ...more);
  const assertRefused = ({ exitCode, stdout, stderr }: ProgramResult, expected: number, text: RegExp): void => {
    assert.equal(exitCode, expected, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, text);
    assert.doesNotMatch(stderr, /\n\s+at .*:\d+:\d+/, 'no stack trace');
  };

  it('explains itself, each command, and its exit statuses', async () => {
    const help = await edgeboot('--help');
    assert.equal(help.exitCode, 0);
    for (const word of ['login', 'image', 'deployment', 'site', 'publisher', '130', '78']) {
      assert.ok(help.stdout.includes(word), word);
    }
    for (const group of [[], ['image'], ['deployment'], ['site'], ['publisher']]) {
      assert.equal((await edgeboot(...group)).exitCode, 64, `edgeboot ${group.join(' ')} alone`);
      assert.equal((await edgeboot(...group, '--help')).exitCode, 0);
    }
  });

  it('prints JSON and nothing else where it is asked for', async () => {
    answers = [[200, { images: [] }]];
    const { stdout } = await edgeboot('image', 'list', '--output', 'json');
    assert.deepEqual(JSON.parse(stdout), []);
    assert.equal((await edgeboot('image', 'list', '--output', 'xml')).exitCode, 64);
  });

  it('sends one wish again, with the same key, while the API is away', async () => {
    const deployment = sampleDeployment({ imageName: 'hpc' });
    answers = [
      [503, {}],
      [429, {}],
      [202, { deployment }],
    ];
    const { exitCode, stdout, stderr } = await create('--output', 'json');
    assert.equal(exitCode, 0, stderr);
    assert.equal((JSON.parse(stdout) as { deploymentId: string }).deploymentId, deployment.deploymentId);
    assert.equal(seen.length, 3);
    assert.equal(new Set(seen.map(({ key }) => key)).size, 1);
    assert.ok(seen[0]?.key);
  });

  it('goes on with a key that is given', async () => {
    answers = [[202, { deployment: sampleDeployment() }]];
    await create('--idempotency-key', 'my-own-key');
    assert.equal(seen[0]?.key, 'my-own-key');
    assertRefused(await create('--idempotency-key', 'a b'), 64, /idempotency-key/);
  });

  it('shows what a site said without letting it move the cursor', async () => {
    const failure = {
      code: 'BOOT_TIMEOUT',
      message: 'it\u001b]0;owned\u0007 died\nkernel panic',
      remedy: '\u001b[2Jtry',
    };
    const deployment = sampleDeployment({ phase: 'FAILED', failure });
    answers = [[200, { deployment }]];
    const { stdout } = await edgeboot('deployment', 'show', deployment.deploymentId);
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f]/);
    assert.match(stdout, /it\\u001b\]0;owned\\u0007 died/);
    assert.match(stdout, /^ +kernel panic$/m);
  });

  it('refuses bad disks by name, and waits for none', async () => {
    await runCommandOrThrow('mkfifo', [path.join(directory, 'fifo')]);
    assertRefused(await edgeboot('image', 'inspect', directory), 64, /edgeboot: USAGE/);
    assertRefused(await edgeboot('image', 'inspect', path.join(directory, 'fifo')), 64, /edgeboot: USAGE/);
    assertRefused(await edgeboot('image', 'inspect', path.join(directory, 'missing')), 64, /missing/);
    assert.deepEqual(seen, []);
  });

  it('refuses a damaged publishing key, without a word of it', async () => {
    const file = path.join(directory, 'config/publishing-key.pem');
    await writeFile(file, '-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n');
    const refused = await edgeboot('publisher', 'key');
    await rm(file);
    assertRefused(refused, 78, /publishing-key\.pem/);
    assert.doesNotMatch(refused.stderr, /SECRET/);
  });

  it('sends tokens nowhere in clear, but to this machine', async () => {
    assertRefused(await edgeboot('login', '--api', 'http://api.example.org'), 64, /https/);
    assertRefused(await edgeboot('login', '--api', 'nonsense'), 64, /no URL/);
  });

  it('says what is not right with options', async () => {
    for (const [args, text] of [
      [['--computes', 'two'], /--computes/],
      [['--memory', '1:2:3'], /--memory/],
      [['--add-iface', 'storage:10.5.0.0/24'], /--add-iface/],
      [['--cpus', 'many'], /--cpus/],
      [['--key', path.join(directory, 'missing.pub')], /missing\.pub/],
    ] as const) {
      assertRefused(await create(...args), 64, text);
    }
    assertRefused(await edgeboot('deployment', 'show', '../../etc'), 64, /deployment id/);
    assertRefused(await edgeboot('publisher', 'certify', 'a', '--root-key', 'x'), 64, /public-key/);
    assert.deepEqual(seen, []);
  });

  it('ends with 130 at Ctrl-C, and says how to go on', async () => {
    answers = [[503, {}]];
    const child = spawn(EDGEBOOT, ['deployment', 'create', 'hpc', '--site', 'naist', '--key', `${directory}/key.pub`], {
      env: { ...process.env, ...env() },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (words === '') child.kill('SIGINT');
      words += text;
    });
    const [exitCode] = (await once(child, 'close')) as [number];
    assert.equal(exitCode, 130, words);
    assert.match(words, /--idempotency-key /);
    assert.doesNotMatch(words, /\n\s+at /);
  });
});
