/** What a cold start has to load: size and packages of each function's bundle, and how much processor time its import takes here. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { bundleService } from './service-bundle.ts';
import { readService, type Service } from './service-definition.ts';

export interface BundleWeight {
  /** As serverless.yml names the function. */
  readonly name: string;
  readonly sizeBytes: number;
  /** npm packages of which something is in it. */
  readonly packages: number;
  /**
   * Of the processor, in a new process that has done nothing else, on this machine: without Node's own start. Whoever else is at work here
   * hardly changes it.
   */
  readonly importCpuMilliseconds: number;
}

const IMPORT_TIMEOUT_MS = 60_000;
/** Prints how many microseconds of the processor the import of its argument took. */
const IMPORTER = `
  const begun = process.cpuUsage();
  await import(process.argv[1]);
  const { user, system } = process.cpuUsage(begun);
  console.log(user + system);
  process.exit(0);`;

/** Bundles all functions as they are deployed and weighs each. @throws EdgebootError INVALID_CONFIG */
export async function weighBundles(): Promise<BundleWeight[]> {
  const service = await readService({ DISTRIBUTION_URL: 'https://distribution.invalid' });
  const folder = join(service.directory, '.esbuild', randomUUID());
  try {
    await mkdir(folder, { recursive: true });
    const metafile = await bundleService(service, folder);
    const weights: BundleWeight[] = [];
    // One after the other: side by side they would measure each other.
    for (const name of Object.keys(service.definition.functions)) {
      weights.push(await weigh(name, service, folder, metafile));
    }
    return weights;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function weigh(name: string, service: Service, folder: string, metafile: Metafile): Promise<BundleWeight> {
  const { definition, directory } = service;
  const { handler = '' } = definition.functions[name] ?? {};
  const file = join(folder, handler.replace(/\.[^./]+$/, definition.custom.esbuild.outputFileExtension));
  const output = metafile.outputs[relative(directory, file)];
  const inputs = Object.keys(output?.inputs ?? {});
  return {
    name,
    sizeBytes: output?.bytes ?? 0,
    packages: new Set(inputs.flatMap((path) => packageOf(path) ?? [])).size,
    importCpuMilliseconds: await importTime(file, environmentOf(name, service)),
  };
}

/** `node_modules/a/node_modules/@b/c/d.js` is of the package `@b/c`. */
function packageOf(path: string): string | undefined {
  const inside = path.split('node_modules/').at(-1);
  return inside === undefined || inside === path ? undefined : /^(?:@[^/]+\/)?[^/]+/.exec(inside)?.[0];
}

async function importTime(file: string, environment: Readonly<Record<string, string>>): Promise<number> {
  const args = ['--input-type=module', '--eval', IMPORTER, file];
  const options = { env: { ...environment, AWS_REGION: 'us-east-1' }, timeout: IMPORT_TIMEOUT_MS };
  const { stdout } = await promisify(execFile)(process.execPath, args, options);
  return Number(stdout) / 1000;
}

/** What compose.ts asks for when it is imported. */
function environmentOf(name: string, { definition }: Service): Record<string, string> {
  const given = { ...definition.provider.environment, ...definition.functions[name]?.environment };
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)]));
}
