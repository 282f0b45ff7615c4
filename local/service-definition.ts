/** serverless.yml with its variables resolved: asked of the framework itself (`print`), which takes about 1.5 s. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import * as z from 'zod';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import { stackResourcesSchema } from './aws/stack-resources.ts';
import { SERVICE_DIRECTORY, serverlessArguments, serverlessEnvironment } from './serverless-command.ts';

/** How the functions are bundled: options of esbuild's, beside those that only serverless-esbuild knows. */
const bundlingSchema = z.strictObject({
  bundle: z.literal(true),
  minify: z.boolean().default(false),
  keepNames: z.boolean().default(false),
  format: z.literal('esm'),
  platform: z.literal('node'),
  target: z.string(),
  outputFileExtension: z.string(),
  mainFields: z.array(z.string()),
  banner: z.object({ js: z.string() }),
  exclude: z.array(z.never()).optional(),
  packager: z.string().optional(),
  watch: z.unknown().optional(),
  outputWorkFolder: z.string().optional(),
});

const definitionSchema = z.looseObject({
  custom: z.looseObject({ esbuild: bundlingSchema }),
  provider: z.looseObject({ environment: z.record(z.string(), z.unknown()).optional() }),
  functions: z.record(
    z.string(),
    z.looseObject({
      handler: z.string(),
      /** Of one of the resources. */
      role: z.string().optional(),
      environment: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  resources: z.object({ Resources: stackResourcesSchema }),
});

export type ServiceDefinition = z.infer<typeof definitionSchema>;

/** A service that was read, and what it was read with. */
export interface Service {
  /** Where serverless.yml lies. */
  readonly directory: string;
  /** What serverless.yml reads as `${env:…}`; its AWS_* reach every function. */
  readonly environment: Readonly<Record<string, string>>;
  readonly definition: ServiceDefinition;
}

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Reads the repository's serverless.yml, or another one's. @throws EdgebootError INVALID_CONFIG when that fails */
export async function readService(
  environment: Readonly<Record<string, string>>,
  directory = SERVICE_DIRECTORY,
): Promise<Service> {
  try {
    const args = ['--pdeathsig', 'KILL', '--', process.execPath, ...serverlessArguments(['print', '--format', 'json'])];
    const { stdout } = await promisify(execFile)('setpriv', args, {
      cwd: directory,
      env: serverlessEnvironment(environment),
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    return { directory, environment, definition: definitionSchema.parse(JSON.parse(stdout)) };
  } catch (cause) {
    throw new EdgebootError('INVALID_CONFIG', `serverless.yml cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/** The framework tells its errors on stdout. */
function reasonOf(error: unknown): string {
  if (error instanceof z.ZodError) return z.prettifyError(error);
  const said = error instanceof Error && 'stdout' in error ? String(error.stdout).trim() : '';
  return said === '' ? messageOf(error) : said;
}
