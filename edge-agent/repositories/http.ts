/** A repository on a plain web server, without authentication; a public bucket, too. */
import { EdgebootError } from '#shared/errors.ts';
import { requireRepositoryPath } from '../core/repository-path.ts';
import type { FetchedObject, ObjectRequest } from '../ports.ts';
import { createHttpAgent } from './http-agent.ts';
import { deliveryOf } from './edge-response.ts';
import { type Headers, isRefusal, textOf } from './http-answer.ts';
import type { BodyTaker } from './http-exchange.ts';
import { getOverHttp, networkCode, overTheNetwork, type Reading, takeFile, takeNothing } from './http-get.ts';
import type { RepositoryKind } from './repository.ts';
import { RetryAfter } from './retry-after.ts';

const MAX_REDIRECTS = 3;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const BAD_CERTIFICATE = /CERT|SIGNATURE|ERR_TLS_|ERR_SSL_/;

export const httpRepository: RepositoryKind = {
  accepts: (address) => /^https?:/i.test(address),

  open(address, { connections, lookup, bandwidth }) {
    const root = rootOf(address);
    const agent = createHttpAgent(connections, lookup);
    return Promise.resolve({
      fetch: (request, signal) =>
        overTheNetwork(signal, () =>
          fetchFile(urlOf(request.path, root), request, { dispatcher: agent, bandwidth, signal }).catch(
            refuseBadCertificate,
          ),
        ),
      resolve: (named) => Promise.resolve().then(() => requireRepositoryPath(named)),
      close: () => agent.destroy(),
    });
  },
};

/** Throws INVALID_CONFIG where the address has more than a place: a password would end up in the log. */
function rootOf(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.username + url.password + url.search + url.hash !== '') {
    throw new EdgebootError('INVALID_CONFIG', 'the address of the repository is not scheme, host and path alone', {
      remedy: 'Write it as http://images.example.org/vc. Repositories that need a password are not supported.',
    });
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function urlOf(path: string, root: URL): string {
  // Buckets take a plus for a space.
  return new URL(requireRepositoryPath(path).replaceAll('+', '%2B'), root).href;
}

async function fetchFile(start: string, request: ObjectRequest, reading: Reading): Promise<FetchedObject> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const answer = await getOverHttp(
      url,
      request,
      reading,
      (statusCode, headers): BodyTaker<FetchedObject | string> => {
        if (isRefusal(request, statusCode, headers)) throw errorOf(request, statusCode, headers);
        if (REDIRECTS.has(statusCode)) return takeNothing(textOf(headers['location']));
        return takeFile(request, statusCode, headers, deliveryOf(headers), reading);
      },
    );
    if (typeof answer !== 'string') return answer;
    url = requireSameHost(url, answer, request);
  }
  throw new EdgebootError('FORBIDDEN', `${request.path}: the server redirects more than ${MAX_REDIRECTS} times`, {
    remedy: 'Have the server corrected, or name the address that it leads to.',
  });
}

/** The same host and port; from http, its https too. Another place is for the operator to name, not for a server. */
function requireSameHost(from: string, location: string, { path }: ObjectRequest): string {
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const { origin, hostname, protocol } = new URL(from);
  const isUpgrade = protocol === 'http:' && target?.protocol === 'https:' && target.hostname === hostname;
  if (target !== undefined && target.username === '' && (target.origin === origin || isUpgrade)) return target.href;
  throw new EdgebootError('FORBIDDEN', `${path}: the server redirects to another place, which is not followed`, {
    remedy: 'Name the address of the repository that it leads to, if you trust it.',
  });
}

function errorOf({ path }: ObjectRequest, statusCode: number, headers: Headers): EdgebootError {
  if (statusCode === 404 || statusCode === 410)
    return new EdgebootError('NOT_FOUND', `${path}: the server has no such file`);
  if (statusCode === 416) return new EdgebootError('PART_CORRUPT', `${path}: it is shorter than what was asked for`);
  if (statusCode === 429 || statusCode === 503) {
    const text = `${path}: the server asks for fewer requests (${statusCode})`;
    return new EdgebootError('THROTTLED', text, { cause: RetryAfter.from(headers) });
  }
  if (statusCode >= 500 || statusCode === 408) {
    return new EdgebootError('PART_UNAVAILABLE', `${path}: the server answered with status ${statusCode}`);
  }
  return new EdgebootError('FORBIDDEN', `${path}: the server refuses it with status ${statusCode}`, {
    remedy: 'The files must be readable for everybody. A bucket that may not be listed says so of missing files, too.',
  });
}

/** Trying again does not help. */
function refuseBadCertificate(error: unknown): never {
  if (!BAD_CERTIFICATE.test(networkCode(error))) throw error;
  throw new EdgebootError('FORBIDDEN', `the server does not prove who it is (${networkCode(error)})`, {
    remedy: 'Have its certificate corrected. An authority of your own is named in NODE_EXTRA_CA_CERTS.',
  });
}
