/** A TLS server whose certificate nobody has any reason to trust. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { makeSelfSignedCertificate } from './self-signed-certificate.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export async function startUntrustedTlsServer(t: TestContext): Promise<{ readonly port: number }> {
  await using folder = await createTemporaryFolder();
  const { keyFile, certificateFile } = await makeSelfSignedCertificate(folder.path);
  const [key, cert] = await Promise.all([readFile(keyFile), readFile(certificateFile)]);
  const server = createServer({ key, cert }, (_request, response) => response.end('never'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port };
}
