/** Where an issuer sends the browser back to: an address of this very machine. */
import { EdgebootError } from '#shared/errors.ts';

/** On any port that is free, as RFC 8252 has it; the system says which. */
export const ANY_CALLBACK = new URL('http://127.0.0.1:0/callback');

/** Throws USAGE for an address that is not of this machine, or has no port. */
export function parseCallback(text: string): URL {
  const url = URL.parse(text);
  const isHere = url?.protocol === 'http:' && ['localhost', '127.0.0.1'].includes(url.hostname) && url.port !== '';
  if (isHere && url.search === '' && url.hash === '' && url.username === '') return url;
  throw new EdgebootError('USAGE', `--callback: ${JSON.stringify(text)} is no address with a port of this machine`, {
    remedy: 'As the issuer knows it, for example http://localhost:8400/callback',
  });
}
