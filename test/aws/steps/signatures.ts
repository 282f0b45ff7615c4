/** What the edge says to signed URLs, good ones and spoiled ones: a few by name, and the hundred vectors. */
import { EdgebootError } from '#shared/errors.ts';
import { imageObjectKey } from '#shared/image/manifest.ts';
import { ulid } from 'ulid';
import { mintUrls } from '../../../functions/mint-urls/mint-urls.ts';
import { verifySignedUrl } from '../../../local/distribution/signed-url.ts';
import { createSigningKeyPair, type SigningKeyPair } from '../../../local/signing-key-pair.ts';
import { signatureVectors, spoilSignature } from '../../helpers/signature-vectors.ts';
import { type EdgeAnswer, openViewer } from '../edge.ts';
import { need, type Run, type Step } from '../step.ts';

const HOUR_MS = 3_600_000;

export interface NamedCheck {
  readonly name: string;
  readonly url: string;
  readonly status: number;
  readonly code?: string;
}

export const SIGNATURES: readonly Step[] = [
  {
    name: 'ask the edge with signed URLs of each kind',
    why: 'docs/security.md and the embedded edge say what is let through; CloudFront has the last word',
    makes: () => [],
    costs: 'nine requests at the edge',
    run: async (run) => {
      const ask = openViewer(run);
      const wrong: string[] = [];
      const checks = await namedChecks(run);
      for (const { name, url, status, code } of checks) {
        const answer = await ask(url);
        if (answer.status !== status || answer.code !== code)
          wrong.push(`${name}: ${textOf(answer)} instead of ${textOf({ status, code })}`);
      }
      requireNone(wrong);
      return checks.map((check) => `${check.name} ${textOf(check)}`).join(', ');
    },
    undo: [],
  },
  {
    name: 'ask the edge with the hundred vectors',
    why: 'custom and canned policies, half of them spoiled; the embedded edge, openssl and AWS’s own library agree on them',
    makes: () => [],
    costs: 'a hundred requests at the edge, about a tenth of a megabyte out of it',
    run: async (run) => {
      const ask = openViewer(run);
      const pair = signingPair(run);
      const { url, imageId, path } = objectOf(run);
      const distributionUrl = need(run, 'deployed').distributionUrl;
      const nowSeconds = Math.floor(Date.now() / 1000);
      const wrong: string[] = [];
      const otherCodes = new Set<string>();
      const vectors = await signatureVectors(pair, { distributionUrl, imageId, path, nowSeconds });
      for (const vector of vectors) {
        const ours = verifySignedUrl({ url: vector.url, viewerAddress: vector.viewerAddress }, [pair], nowSeconds);
        const answer = await ask(vector.url);
        if ((answer.status === 200) !== vector.isAllowed || (answer.status !== 200 && answer.status !== 403))
          wrong.push(`${vector.name}: ${textOf(answer)}`);
        else if (ours !== 'allowed' && ours.code !== answer.code)
          otherCodes.add(
            `${vector.name.split(', ').slice(0, 2).join(' ')}: ${answer.code ?? 'none'} for our ${ours.code}`,
          );
      }
      requireNone(wrong);
      const codes = otherCodes.size === 0 ? 'all codes are those of the embedded edge' : [...otherCodes].join('; ');
      return `${vectors.filter(({ isAllowed }) => isAllowed).length} of ${vectors.length} let through at ${url}; ${codes}`;
    },
    undo: [],
  },
];

/** With the id that the distribution has given it. */
const signingPair = (run: Run): SigningKeyPair => ({
  ...need(run, 'keys').signing,
  keyPairId: need(run, 'deployed').signingKeyId,
});

/** The manifest: small, and always there. */
function objectOf(run: Run) {
  const { imageId, manifestSha256 } = need(run, 'image');
  const key = imageObjectKey(imageId, 'manifests', manifestSha256);
  const path = key.split('/').slice(2).join('/');
  return { url: `${need(run, 'deployed').distributionUrl}/${key}`, imageId, path };
}

async function namedChecks(run: Run): Promise<readonly NamedCheck[]> {
  const { url, imageId } = objectOf(run);
  const pair = signingPair(run);
  const { distributionUrl } = need(run, 'deployed');
  const sign = async (by: SigningKeyPair, of = imageId, at = Date.now()): Promise<string> => {
    const ports = { signingKeys: { current: () => Promise.resolve(by) }, distributionUrl, now: () => new Date(at) };
    return `${url}?${(await mintUrls({ imageId: of }, ports)).signedQuery}`;
  };
  const minted = need(run, 'grant').signedQuery;
  const denied = { status: 403, code: 'AccessDenied' };
  const otherPair = await createSigningKeyPair();
  return [
    { name: 'as the mint function signed it', url: `${url}?${minted}`, status: 200 },
    { name: 'as we sign it', url: await sign(pair), status: 200 },
    {
      name: 'not there',
      url: `${url.replace(/manifests\/.*/, `parts/${'0'.repeat(64)}`)}?${minted}`,
      status: 404,
      code: 'NoSuchKey',
    },
    { name: 'unsigned', url, status: 403, code: 'MissingKey' },
    { name: 'expired', url: await sign(pair, imageId, Date.now() - HOUR_MS), ...denied },
    { name: 'for another image', url: await sign(pair, ulid()), ...denied },
    { name: 'tampered with', url: spoilSignature(await sign(pair)), ...denied },
    { name: 'signed by another key', url: await sign({ ...otherPair, keyPairId: pair.keyPairId }), ...denied },
    { name: 'by a key that is not trusted', url: await sign(otherPair), status: 403, code: 'InvalidKey' },
  ];
}

const textOf = ({ status, code }: Partial<Pick<EdgeAnswer, 'status' | 'code'>>): string =>
  `${String(status)}${code === undefined ? '' : ` ${code}`}`;

function requireNone(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new EdgebootError('INTERNAL', `the edge answers otherwise:\n  ${wrong.join('\n  ')}`);
}
