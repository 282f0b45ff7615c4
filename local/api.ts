/** The control plane itself: the HTTP API, authorizer and functions of the real serverless.yml, by serverless-offline. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startChildServer, type ChildServer, type LogLine } from './child-server.ts';
import { freePort } from './free-port.ts';
import { serverlessArguments, serverlessEnvironment } from './serverless-command.ts';
import { bundleService } from './service-bundle.ts';
import type { Service } from './service-definition.ts';

export interface ApiOptions {
  readonly service: Service;
  /** Where functions are to be found by each other; a free port when it does not matter to anybody else. */
  readonly lambdaPort?: number;
  /** Gets the output of the framework and of all functions, line by line. */
  readonly log: LogLine;
}

export interface Api {
  readonly apiUrl: string;
  /** Where the Lambda client finds the functions, by their full name, for example `edgeboot-local-sweep`. */
  readonly lambdaEndpoint: string;
  /** Ends every function and resolves when no process is left. */
  close(): Promise<void>;
}

const READY_TIMEOUT_SECONDS = 60;

/**
 * Bundles the functions, serves them on free loopback ports and resolves when the API answers.
 * @throws EdgebootError INVALID_CONFIG when they cannot be bundled, SERVICE_UNAVAILABLE with the end of the framework's output
 */
export async function startApi({ service, lambdaPort, log }: ApiOptions): Promise<Api> {
  const folder = join(service.directory, '.esbuild', randomUUID());
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  const ports = { http: await freePort(), lambda: lambdaPort ?? (await freePort()) };
  try {
    await mkdir(folder, { recursive: true });
    await bundleService(service, folder);
    const child = await serve(service, folder, ports, log);
    return {
      apiUrl: `http://127.0.0.1:${ports.http}`,
      lambdaEndpoint: lambdaEndpoint(ports.lambda),
      close: async () => {
        await child.close();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

function serve(
  { environment }: Service,
  directory: string,
  ports: { readonly http: number; readonly lambda: number },
  log: LogLine,
): Promise<ChildServer> {
  return startChildServer({
    name: 'serverless-offline (the API)',
    command: process.execPath,
    args: serverlessArguments(['offline', '--httpPort', String(ports.http), '--lambdaPort', String(ports.lambda)]),
    environment: serverlessEnvironment({ AWS_ENDPOINT_URL_LAMBDA: lambdaEndpoint(ports.lambda), ...environment }),
    directory,
    readyTimeoutSeconds: READY_TIMEOUT_SECONDS,
    judge,
    log,
  });
}

export const lambdaEndpoint = (port: number) => `http://127.0.0.1:${port}`;

/** On an error the framework says so, and stays. */
function judge(line: string): 'ready' | 'failed' | undefined {
  if (line.includes('Server ready:')) return 'ready';
  return /^\s*(Error:|✖)/.test(line) ? 'failed' : undefined;
}
