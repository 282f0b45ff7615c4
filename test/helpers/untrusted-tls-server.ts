/** A TLS server whose certificate nobody has any reason to trust. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { runCommandOrThrow } from '#shared/host/run-command.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export async function startUntrustedTlsServer(t: TestContext): Promise<{ readonly port: number }> {
  await using folder = await createTemporaryFolder();
  const key = join(folder.path, 'key.pem');
  const certificate = join(folder.path, 'certificate.pem');
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await runCommandOrThrow('openssl', ['req', '-x509', ...options, ...subject, '-keyout', key, '-out', certificate]);
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (_request, response) =>
    response.end('never'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port };
}
