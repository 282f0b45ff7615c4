/** The functions as they are deployed, in a folder of their own, ready to be served from there. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile, stop } from 'esbuild';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import type { Service, ServiceDefinition } from './service-definition.ts';

/**
 * Bundles all functions at once, with the options that serverless-esbuild deploys them with: that plugin takes them one by one,
 * which reads the same sources twenty times. Beside the bundles goes the definition, its variables resolved.
 * @returns what went into each bundle
 * @param folder an empty folder within the service's, so that its packages are found from there
 * @throws EdgebootError INVALID_CONFIG when a function cannot be bundled; with the bundler's words
 */
export async function bundleService(service: Service, folder: string): Promise<Metafile> {
  const { bundle, minify, keepNames, format, platform, target, mainFields, banner, outputFileExtension } =
    service.definition.custom.esbuild;
  let metafile: Metafile;
  try {
    ({ metafile } = await build({
      ...{ bundle, minify, keepNames, format, platform, target, mainFields, banner },
      entryPoints: entryPoints(service.definition),
      outExtension: { '.js': outputFileExtension },
      absWorkingDir: service.directory,
      outbase: service.directory,
      outdir: folder,
      metafile: true,
      logLevel: 'silent',
    }));
  } catch (cause) {
    throw new EdgebootError('INVALID_CONFIG', `The functions cannot be bundled: ${messageOf(cause)}`, { cause });
  } finally {
    await stop();
  }
  await writeFile(join(folder, 'serverless.json'), JSON.stringify(servedDefinition(service.definition)));
  return metafile;
}

function entryPoints({ functions }: ServiceDefinition): string[] {
  const sources = Object.values(functions).map(({ handler }) => handler.replace(/\.[^./]+$/, '.ts'));
  return [...new Set(sources)];
}

/**
 * Without what belongs to bundling, packages and their bucket; `print` adds to these what it then would not take back. Each function
 * signs its calls to AWS in its own name, as its role's credentials have it do there.
 */
function servedDefinition(definition: ServiceDefinition): Record<string, unknown> {
  const without = (record: object, ...names: readonly string[]): object =>
    Object.fromEntries(Object.entries(record).filter(([key]) => !names.includes(key)));
  const functions = Object.entries(definition.functions).map(([name, { environment, ...rest }]) => [
    name,
    { ...rest, environment: { ...environment, AWS_ACCESS_KEY_ID: name } },
  ]);
  return {
    ...without(definition, 'package'),
    provider: without(definition.provider, 'deploymentBucket', 'deploymentBucketObject'),
    functions: Object.fromEntries(functions) as unknown,
    custom: without(definition.custom, 'esbuild'),
    plugins: ['serverless-offline'],
  };
}
