/**
 * Hosts that an image's files name: found with the system's own resolver, in a network of the suite's own, where a public address is
 * on loopback.
 */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { hasCode } from '#shared/errors.ts';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import type { ObjectRequest } from '../../../edge-agent/ports.ts';
import { openRepository, type Repository } from '../../../edge-agent/repositories/open-repository.ts';
import { inNamespaces } from '../../helpers/in-namespaces.ts';
import { type Fault, type PartServer, startPartServer } from '../../helpers/part-server.ts';
import { startResolver } from '../../helpers/resolver.ts';
import { createTemporaryFolder } from '../../helpers/temporary-folder.ts';

const PUBLIC = '93.184.216.34';
const NAMED = 'http://images.edgeboot.test/vc/a.xml';
const CONTENT = Buffer.from('<vc/>');
const signal = AbortSignal.timeout(60_000);
const isForbidden = (error: unknown) => hasCode(error, 'FORBIDDEN') || assert.fail(String(error));

/** Two servers on the web's own port, a public one and one of this host; every name leads to `addresses`. */
class Internet {
  addresses: readonly string[] = [PUBLIC];
  fault: Fault | undefined;
  readonly #servers: Record<string, PartServer> = {};

  static async start(t: TestContext): Promise<Internet> {
    const internet = new Internet();
    await runCommandOrThrow('ip', ['address', 'replace', `${PUBLIC}/32`, 'dev', 'lo']);
    const resolver = await startResolver(() => internet.addresses, 53);
    t.after(() => resolver[Symbol.asyncDispose]());
    const folder = await createTemporaryFolder();
    t.after(() => folder[Symbol.asyncDispose]());
    const file = join(folder.path, 'resolv.conf');
    await writeFile(file, 'nameserver 127.0.0.1\n');
    await runCommandOrThrow('mount', ['--bind', file, '/etc/resolv.conf']);
    t.after(() => runCommandOrThrow('umount', ['/etc/resolv.conf']));
    for (const address of [PUBLIC, '127.0.0.1']) await internet.serve(t, address);
    return internet;
  }

  async serve(t: TestContext, address: string): Promise<void> {
    const objects = new Map([['vc/a.xml', CONTENT]]);
    const server = await startPartServer({ objects, address, port: 80, faultOf: () => this.fault });
    this.#servers[address] = server;
    t.after(() => server[Symbol.asyncDispose]());
  }

  /** All connections to it end. */
  async restart(t: TestContext, address: string): Promise<void> {
    await this.#servers[address]?.[Symbol.asyncDispose]();
    await this.serve(t, address);
  }

  requestsOf(address: string): number {
    return this.#servers[address]?.requests.length ?? NaN;
  }
}

/** A local repository whose index may name other hosts. */
async function openLocal(t: TestContext, repositoryHosts: readonly string[]): Promise<Repository> {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const retry = { firstDelaySeconds: 0.01, deadlineSeconds: 0.2 };
  const repository = await openRepository(folder.path, { repositoryHosts, connections: 4, retry });
  t.after(() => repository.close());
  return repository;
}

const LISTED = ['images.edgeboot.test'];
const requestOf = (path: string): ObjectRequest => ({ path, sizeBytes: CONTENT.length });

if (inNamespaces(import.meta.filename, { timeoutSeconds: 60 })) {
  test('a file at a host that the operator has listed is fetched from there', async (t) => {
    const internet = await Internet.start(t);
    const repository = await openLocal(t, LISTED);
    const { source, path } = await repository.locate(NAMED);
    assert.ok((await source.fetch(requestOf(path), signal)).bytes.equals(CONTENT));
    assert.equal(internet.requestsOf(PUBLIC), 1);
    await repository.close();
    await assert.rejects(source.fetch(requestOf(path), signal), (error) => hasCode(error, 'CANCELED'));
  });

  test('fault 57: a host that is not listed is not even looked for', async (t) => {
    const internet = await Internet.start(t);
    const repository = await openLocal(t, ['other.edgeboot.test']);
    await assert.rejects(repository.locate(NAMED), isForbidden);
    assert.equal(internet.requestsOf(PUBLIC), 0);
  });

  test('fault 57: a listed host that leads to this host or its networks is refused', async (t) => {
    const internet = await Internet.start(t);
    const { source, path } = await (await openLocal(t, LISTED)).locate(NAMED);
    for (const address of ['127.0.0.1', '169.254.169.254', '10.0.0.1', '0.0.0.0']) {
      internet.addresses = [address];
      await assert.rejects(source.fetch(requestOf(path), signal), isForbidden);
    }
    assert.equal(internet.requestsOf('127.0.0.1'), 0);
  });

  test('a listed host may lead to the network that its entry names', async (t) => {
    const internet = await Internet.start(t);
    internet.addresses = ['127.0.0.1'];
    const { source, path } = await (await openLocal(t, ['images.edgeboot.test=127.0.0.0/8'])).locate(NAMED);
    assert.ok((await source.fetch(requestOf(path), signal)).bytes.equals(CONTENT));
    assert.equal(internet.requestsOf('127.0.0.1'), 1);
  });

  test('fault 57: of several addresses, only those that are allowed are connected to', async (t) => {
    const internet = await Internet.start(t);
    internet.addresses = ['127.0.0.1', PUBLIC, '10.0.0.1'];
    const { source, path } = await (await openLocal(t, LISTED)).locate(NAMED);
    await source.fetch(requestOf(path), signal);
    assert.deepEqual([internet.requestsOf(PUBLIC), internet.requestsOf('127.0.0.1')], [1, 0]);
  });

  test('fault 57: a name that leads elsewhere the next time is checked again', async (t) => {
    const internet = await Internet.start(t);
    const { source, path } = await (await openLocal(t, LISTED)).locate(NAMED);
    await source.fetch(requestOf(path), signal);
    internet.addresses = ['127.0.0.1'];
    await internet.restart(t, PUBLIC);
    await assert.rejects(source.fetch(requestOf(path), signal), isForbidden);
    assert.equal(internet.requestsOf('127.0.0.1'), 0);
  });

  test('fault 57: a listed host that redirects to an address of this host is not followed', async (t) => {
    const internet = await Internet.start(t);
    const { source, path } = await (await openLocal(t, LISTED)).locate(NAMED);
    for (const location of ['http://127.0.0.1/vc/a.xml', 'http://2130706433/vc/a.xml', 'http://169.254.169.254/']) {
      internet.fault = { kind: 'redirect', location };
      await assert.rejects(source.fetch(requestOf(path), signal), isForbidden);
    }
    assert.equal(internet.requestsOf('127.0.0.1'), 0);
  });

  test('what the operator names may lie anywhere', async (t) => {
    const internet = await Internet.start(t);
    internet.addresses = ['127.0.0.1'];
    await using repository = await openRepository('http://site.edgeboot.test/vc', {
      repositoryHosts: [],
      connections: 1,
    });
    assert.ok((await repository.fetch(requestOf('a.xml'), signal)).bytes.equals(CONTENT));
    assert.equal(internet.requestsOf('127.0.0.1'), 1);
  });
}
