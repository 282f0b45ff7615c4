/** The functions as they are deployed, in a folder of their own, ready to be served from there. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, stop } from 'esbuild';
import { EdgebootError, messageOf } from '#shared/errors.ts';
import type { Service, ServiceDefinition } from './service-definition.ts';

/**
 * Bundles all functions at once, with the options that serverless-esbuild deploys them with: that plugin takes them one by one,
 * which reads the same sources twenty times. Beside the bundles goes the definition, its variables resolved.
 * @param folder an empty folder within the service's, so that its packages are found from there
 * @throws EdgebootError INVALID_CONFIG when a function cannot be bundled; with the bundler's words
 */
export async function bundleService(service: Service, folder: string): Promise<void> {
  const { bundle, minify, keepNames, format, platform, target, mainFields, banner, outputFileExtension } =
    service.definition.custom.esbuild;
  try {
    await build({
      ...{ bundle, minify, keepNames, format, platform, target, mainFields, banner },
      entryPoints: entryPoints(service.definition),
      outExtension: { '.js': outputFileExtension },
      absWorkingDir: service.directory,
      outbase: service.directory,
      outdir: folder,
      logLevel: 'silent',
    });
  } catch (cause) {
    throw new EdgebootError('INVALID_CONFIG', `The functions cannot be bundled: ${messageOf(cause)}`, { cause });
  } finally {
    await stop();
  }
  await writeFile(join(folder, 'serverless.json'), JSON.stringify(servedDefinition(service.definition)));
}

function entryPoints({ functions }: ServiceDefinition): string[] {
  const sources = Object.values(functions).map(({ handler }) => handler.replace(/\.[^./]+$/, '.ts'));
  return [...new Set(sources)];
}

/** Without what belongs to bundling and to packages; `print` adds to the latter what it then would not take back. */
function servedDefinition(definition: ServiceDefinition): Record<string, unknown> {
  const omit = (record: object, name: string) => Object.entries(record).filter(([key]) => key !== name);
  const custom: unknown = Object.fromEntries(omit(definition.custom, 'esbuild'));
  return { ...Object.fromEntries(omit(definition, 'package')), custom, plugins: ['serverless-offline'] };
}
