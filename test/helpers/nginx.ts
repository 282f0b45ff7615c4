/** A real nginx that serves a directory, on a loopback address of its own. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface Nginx {
  /** `http://127.x.y.z:<port>` */
  readonly address: string;
}

/** Stops with the test. Its files are read as they are when they are asked for. */
export async function startNginx(t: TestContext, directory: string): Promise<Nginx> {
  const folder = await createTemporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const host = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const port = await findFreePort(host);
  const configuration = join(folder.path, 'nginx.conf');
  await writeFile(configuration, configurationOf(folder.path, directory, `${host}:${port}`));
  await chmod(folder.path, 0o755);

  const child = spawn('nginx', ['-p', folder.path, '-e', 'stderr', '-c', configuration], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  });
  const said: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    said.push(line);
    // It listens before it chooses how to wait for events.
    if (!line.includes('using the "epoll" event method')) continue;
    child.stderr.resume();
    return { address: `http://${host}:${port}` };
  }
  throw new Error(`nginx did not start:\n${said.join('\n')}`);
}

/** One process, so that nothing is left when it is killed. */
function configurationOf(folder: string, directory: string, listen: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
user root;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  default_type application/octet-stream;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  server {
    listen ${listen};
    root "${directory}";
  }
}
`;
}

/** Nobody else uses the address, so nobody takes the port meanwhile. */
async function findFreePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
