/** Which settings of serverless.yml are placeholders, that packaging works with and the federation does not. */

/** One of the two is enough, and is what is left after a rotation. */
const SIGNING_KEYS = ['SIGNING_PUBLIC_KEY_A', 'SIGNING_PUBLIC_KEY_B'];

/** In the order of the file. Empty is as good as not set. */
export function unsetSettings(service: string, environment: Readonly<Record<string, string | undefined>>): string[] {
  const isUnset = (name: string): boolean => (environment[name] ?? '') === '';
  const placeholders = [...service.matchAll(/\$\{env:(\w+), '(?:unset|[^']*\.invalid[^']*)'\}/g)].map(
    ([, name = '']) => name,
  );
  return [...(SIGNING_KEYS.every(isUnset) ? SIGNING_KEYS.slice(0, 1) : []), ...placeholders.filter(isUnset)];
}
