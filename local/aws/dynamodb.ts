/** DynamoDB by dynoxide, a static binary that npm brings: transactions, conditions, secondary indexes; in memory. */
import { createRequire } from 'node:module';
import { EdgebootError } from '#shared/errors.ts';
import { startChildServer, type LogLine } from '../child-server.ts';
import { freePort } from '../free-port.ts';

export interface DynamoDb {
  readonly endpoint: string;
  close(): Promise<void>;
}

/**
 * Starts it on a free loopback port and resolves when it listens.
 * @throws EdgebootError SERVICE_UNAVAILABLE when it does not start, PREREQUISITE_MISSING where npm did not bring it.
 */
export async function startDynamoDb(options: { readonly log: LogLine }): Promise<DynamoDb> {
  const port = await freePort();
  const child = await startChildServer({
    name: 'dynoxide (DynamoDB)',
    command: findBinary(),
    args: ['serve', '--host', '127.0.0.1', '--port', String(port)],
    environment: {},
    directory: '/',
    readyTimeoutSeconds: 10,
    // It says so after it has bound the port.
    judge: (line) => (line.includes('listening on') ? 'ready' : undefined),
    log: options.log,
  });
  return { endpoint: `http://127.0.0.1:${port}`, close: () => child.close() };
}

function findBinary(): string {
  const name = `@dynoxide/linux-${process.arch}/dynoxide`;
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch (cause) {
    throw new EdgebootError('PREREQUISITE_MISSING', `npm did not install ${name} for this machine.`, { cause });
  }
}
