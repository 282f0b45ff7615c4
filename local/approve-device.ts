/** A member at a browser, without the browser: opens the page that the CLI shows, fills in its forms, follows its redirects. */
import { EdgebootError } from '#shared/errors.ts';
import type { Member } from './oidc-issuer.ts';

/** More pages than any approval takes. */
const MAX_PAGES = 20;

/**
 * Approves a device as a member. Resolves when the issuer says so.
 * @param verificationUriComplete from the device authorization's answer, on a loopback issuer
 * @throws EdgebootError FORBIDDEN when the issuer's pages lead nowhere: a wrong code, an unknown member or password
 */
export async function approveDevice(
  verificationUriComplete: string,
  member: Pick<Member, 'id' | 'password'>,
): Promise<void> {
  const cookies = new Map<string, string>();
  const answers = new Map([
    ['member', member.id],
    ['password', member.password ?? ''],
  ]);
  let url = new URL(verificationUriComplete);
  let form: URLSearchParams | undefined;
  const answered = new Set<string>();
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: form }),
    });
    const html = await response.text();
    keepCookies(cookies, response.headers.getSetCookie());
    const location = response.headers.get('location');
    const next = readForm(html);
    if (location !== null) {
      url = new URL(location, url);
      form = undefined;
    } else if (next !== undefined) {
      url = new URL(next.action, url);
      form = fillIn(next.inputs, answers);
      const asked = `${url.pathname} ${[...form.keys()].join()}`;
      if (answered.has(asked)) break;
      answered.add(asked);
    } else if (response.ok) {
      return;
    } else {
      break;
    }
  }
  throw new EdgebootError('FORBIDDEN', `The issuer did not let ${member.id} approve the device.`);
}

interface Input {
  readonly name: string;
  readonly value: string;
}

/** The page's form. The pages are the issuer's own, so their way of writing attributes is known. */
function readForm(html: string): { readonly action: string; readonly inputs: readonly Input[] } | undefined {
  const action = attribute(/<form\b[^>]*>/.exec(html)?.[0] ?? '', 'action');
  const inputs = [...html.matchAll(/<input\b[^>]*>/g)].map(([tag]) => ({
    name: attribute(tag, 'name') ?? '',
    value: attribute(tag, 'value') ?? '',
  }));
  return action === undefined ? undefined : { action, inputs };
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
}

function fillIn(inputs: readonly Input[], answers: ReadonlyMap<string, string>): URLSearchParams {
  return new URLSearchParams(inputs.map(({ name, value }): [string, string] => [name, answers.get(name) ?? value]));
}

/** One issuer, one visit: names are enough, paths need no telling apart. An empty value takes the cookie back. */
function keepCookies(cookies: Map<string, string>, received: readonly string[]): void {
  for (const header of received) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
    if (value === '') cookies.delete(name);
    else cookies.set(name, value);
  }
}
