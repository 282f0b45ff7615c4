/** Where tokens may be sent: over TLS, or nowhere but to this machine. */
import { isIPv4 } from 'node:net';
import { EdgebootError } from '#shared/errors.ts';

export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

/**
 * The address, once it is fit for tokens. Throws USAGE.
 * @param what for error texts: `the API's address`
 */
export function requireSecureUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new EdgebootError('USAGE', `${what} ${JSON.stringify(text)} is no URL`);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return url;
  throw new EdgebootError(
    'USAGE',
    `${what} ${text} is not one to send your tokens to: anybody on the way could read them`,
    {
      remedy: 'It must begin with https://. Plain http:// is for this machine only: 127.0.0.1, [::1], localhost.',
    },
  );
}
