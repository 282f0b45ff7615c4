/**
 * Which packages go along with the programs, as package-lock.json has them, and whether their licenses let anybody use them: asked by
 * `npm run supply`, and by a test of `npm run check`, without the network.
 */
import * as z from 'zod';

const ALLOWED = ['MIT', 'MIT-0', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', '0BSD'];
/** Looked at one by one. */
const JUSTIFIED: ReadonlyMap<string, string> = new Map([
  ['@dynoxide/linux-x64', '(MIT OR Apache-2.0)'],
  // Permissive, by the Python Software Foundation; a part of js-yaml, which xmlbuilder2 brings and nobody here calls.
  ['argparse', 'Python-2.0'],
]);

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({ version: z.string().optional(), license: z.string().optional(), dev: z.boolean().optional() }),
  ),
});

export interface ShippedPackage {
  /** Where it lies: `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly name: string;
  readonly version: string | undefined;
  readonly license: string | undefined;
}

/** All that is not for development alone, direct or not: what is for both is shipped. @param lock the content of package-lock.json */
export function shippedPackages(lock: unknown): ShippedPackage[] {
  return Object.entries(lockSchema.parse(lock).packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path, { version, license }]) => ({
      path,
      name: path.split('node_modules/').at(-1) ?? '',
      version,
      license,
    }));
}

/** Those that not everybody may use, or of which nobody knows. */
export function withForbiddenLicense(shipped: readonly ShippedPackage[]): ShippedPackage[] {
  return shipped.filter(({ name, license }) => {
    return license === undefined || !(ALLOWED.includes(license) || JUSTIFIED.get(name) === license);
  });
}

/** Names of justified packages that are not shipped any more. */
export function needlesslyJustified(shipped: readonly ShippedPackage[]): string[] {
  const names = new Set(shipped.map(({ name }) => name));
  return [...JUSTIFIED.keys()].filter((name) => !names.has(name));
}
