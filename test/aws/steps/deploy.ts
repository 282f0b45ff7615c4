/** The stack, and what an operator puts into it before anybody can use it. */
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { PutSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { EdgebootError } from '#shared/errors.ts';
import { type EdgeAnswer, openViewer } from '../edge.ts';
import { AUDIENCE, ISSUER } from '../keys.ts';
import { poll } from '../poll.ts';
import { REMOVALS } from '../removals.ts';
import { need, type Run, type Step } from '../step.ts';
import { TOKEN_KEYS_OBJECT } from '../target.ts';

const PROPAGATION = { everySeconds: 10, forSeconds: 1200 };

export const DEPLOY: readonly Step[] = [
  {
    name: 'package and deploy the stack',
    why: 'serverless.yml and stack/ as they are; some ten minutes, most of them CloudFront’s',
    makes: ({ stack, table, bucket, auditLogGroup, signingKeySecret, enrollmentKeySecret, functionLogs }) => [
      `the stack ${stack}: functions, API, roles, distribution, key group, alarms, a budget, queue of dead letters`,
      `the table ${table}, protected from deletion`,
      `the bucket ${bucket}, and another one for the packages`,
      `the log group ${auditLogGroup}, protected from deletion, and those of the functions, ${functionLogs}…`,
      `the secrets ${signingKeySecret} and ${enrollmentKeySecret}`,
    ],
    costs: 'by the hour: alarms, metrics, secrets; the sweep, once a minute',
    isUnseen: true,
    run: async (run) => {
      run.counts.stackBegan = performance.now();
      const { root, signing } = need(run, 'keys');
      const settings = { issuer: ISSUER, audience: AUDIENCE, rootPublicKeyPem: root.publicKeyPem };
      const deployed = await run.target.deploy({ ...settings, signingPublicKeyPem: signing.publicKeyPem }, run.signal);
      run.facts.deployed = deployed;
      return `API ${deployed.apiUrl}, distribution ${deployed.distributionUrl}, public key ${deployed.signingKeyId}`;
    },
    undo: REMOVALS,
  },
  {
    name: 'publish the keys of members’ tokens',
    why: 'the authorizer was deployed with a signed URL of this object: no issuer has to run anywhere',
    makes: ({ bucket }) => [`the object ${TOKEN_KEYS_OBJECT} in ${bucket}: public keys`],
    costs: 'one PUT',
    run: async (run) => {
      const Body = JSON.stringify(need(run, 'keys').tokenKeys);
      const { clients, names } = run.target;
      const object = { Bucket: names.bucket, Key: TOKEN_KEYS_OBJECT, ContentType: 'application/json' };
      await clients.s3.send(new PutObjectCommand({ ...object, Body }));
      run.counts.putRequests += 1;
      return `${Body.length} bytes`;
    },
    undo: [],
  },
  {
    name: 'give the signing key to the mint function',
    why: 'the private half of the key that the distribution trusts; no other function can read it',
    makes: ({ signingKeySecret }) => [`a value of ${signingKeySecret}`],
    costs: 'one call',
    run: async (run) => {
      const { privateKeyPem } = need(run, 'keys').signing;
      const SecretString = JSON.stringify({ keyPairId: need(run, 'deployed').signingKeyId, privateKeyPem });
      const { clients, names } = run.target;
      await clients.secretsManager.send(new PutSecretValueCommand({ SecretId: names.signingKeySecret, SecretString }));
      return 'it is there';
    },
    undo: [],
  },
  {
    name: 'wait until the API and the distribution answer',
    why: 'names and settings take a while to be everywhere; an unsigned request is refused by then',
    makes: () => [],
    costs: 'a few requests',
    isUnseen: true,
    run: async (run) => {
      const ask = openViewer(run);
      const { apiUrl, distributionUrl } = need(run, 'deployed');
      await awaitAnswer(run, ask, `${apiUrl}/.well-known/oauth-protected-resource`, ({ status }) => status === 200);
      const edge = await awaitAnswer(run, ask, `${distributionUrl}/images/`, ({ code }) => code === 'MissingKey');
      return `unsigned is 403 MissingKey, at ${edge.edgeLocation ?? 'an edge that does not say which'}`;
    },
    undo: [],
  },
];

type Viewer = ReturnType<typeof openViewer>;

/** A name that is not known yet, or a connection that is refused, is no answer. Throws SERVICE_UNAVAILABLE when it takes too long. */
async function awaitAnswer(
  run: Run,
  ask: Viewer,
  url: string,
  isAwaited: (answer: EdgeAnswer) => boolean,
): Promise<EdgeAnswer> {
  const awaited = await poll({ ...PROPAGATION, signal: run.signal }, async () => {
    const answer = await ask(url).catch((error: unknown) => {
      if (run.signal.aborted || !(error instanceof Error && 'code' in error)) throw error;
    });
    return answer !== undefined && isAwaited(answer) ? answer : undefined;
  });
  if (awaited !== undefined) return awaited;
  const minutes = PROPAGATION.forSeconds / 60;
  throw new EdgebootError('SERVICE_UNAVAILABLE', `${url} did not answer as it should within ${minutes} minutes`);
}
