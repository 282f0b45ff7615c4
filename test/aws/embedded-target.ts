/**
 * The embedded cloud in the place of an account: the same steps, but for the stack, which is started here instead of deployed. What holds
 * data outlives the stack here, too, protection from deletion included.
 */
import type { LookupFunction } from 'node:net';
import { LOCAL_ACCOUNT_ID, LOCAL_REGION, localArn } from '../../local/aws/account.ts';
import { awsClients, startAwsServices } from '../../local/aws/services.ts';
import { Closers } from '../../local/closers.ts';
import { type Cloud, startCloud } from '../../local/cloud.ts';
import { LOCAL_STAGE } from '../../local/serverless-command.ts';
import { createSigningKeyPair } from '../../local/signing-key-pair.ts';
import { stageNames } from './names.ts';
import { signTokenKeysUrl, type Target } from './target.ts';

export interface EmbeddedTarget extends Target {
  /** What the cloud has logged. */
  readonly lines: readonly string[];
  close(): Promise<void>;
}

export async function openEmbeddedTarget(): Promise<EmbeddedTarget> {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const closers = new Closers();
  const services = await startAwsServices(log, closers);
  const clients = awsClients(services.endpoints);
  const names = { ...stageNames(LOCAL_STAGE, LOCAL_ACCOUNT_ID), bucket: `edgeboot-${LOCAL_STAGE}-images` };
  let cloud: Cloud | undefined;
  const resolvers: string[] = [];
  let edgeAddress = '127.0.0.1';
  const lookup: LookupFunction = (_host, options, done) =>
    options.all === true ? done(null, [{ address: edgeAddress, family: 4 }]) : done(null, edgeAddress, 4);
  return {
    ...{
      stage: LOCAL_STAGE,
      account: LOCAL_ACCOUNT_ID,
      region: LOCAL_REGION,
      names,
      clients,
      resolvers,
      lookup,
      lines,
    },
    caller: localArn('iam', 'user/local'),
    settleSeconds: 0,
    hasStack: () => Promise.resolve(cloud !== undefined),
    deploy: async ({ issuer, audience, rootPublicKeyPem, signingPublicKeyPem }) => {
      const jwksUrl = await signTokenKeysUrl(clients.s3, names.bucket);
      cloud = await startCloud({
        members: [],
        rootPublicKeyPem,
        log,
        services,
        otherIssuer: { issuer, audience, jwksUrl },
      });
      const { keyPairId } = await createSigningKeyPair();
      cloud.keyGroup.splice(0, Infinity, { keyPairId, publicKeyPem: signingPublicKeyPem, privateKeyPem: '' });
      resolvers.push(...cloud.distribution.resolvers.map(({ server }) => server));
      edgeAddress = cloud.distribution.locations[0]?.address ?? edgeAddress;
      const distributionUrl = cloud.environment['DISTRIBUTION_URL'] ?? '';
      return { apiUrl: cloud.apiUrl, distributionUrl, signingKeyId: keyPairId };
    },
    removeStack: async () => {
      await cloud?.close();
      cloud = undefined;
      resolvers.length = 0;
    },
    close: async () => {
      await cloud?.close();
      clients.destroy();
      await closers.close();
    },
  };
}
