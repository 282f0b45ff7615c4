/** A whole federation on one machine: the embedded cloud, a host for two sites, their agents, an operator and members. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { newKeyPair } from '#shared/keys.ts';
import { type Cloud, type CloudOptions, startCloud } from '../cloud.ts';
import type { Member as IssuerMember } from '../oidc-issuer.ts';
import { Member } from './member.ts';
import { SiteAgent, type SiteAgentOptions } from './site-agent.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';

/** The people of the federation: who they are at the issuer, and what their groups let them do. */
export const ACCOUNTS = {
  /** Publishes and deploys. */
  member: { id: 'alice', password: 'alice-demo', groups: ['members', 'publishers'] },
  /** Belongs to no site's deployers. */
  guest: { id: 'bob', password: 'bob-demo', groups: ['guests'] },
  operator: { id: 'olga', password: 'olga-demo', groups: ['federation-operators'] },
} as const satisfies Record<string, IssuerMember>;

export interface FederationOptions {
  /** Short, since sockets go below it. Made by the caller, who removes it after disposal. */
  readonly directory: string;
  readonly siteIds: readonly string[];
  readonly acceleration: 'kvm' | 'emulation';
  readonly log: (line: string) => void;
  readonly distribution?: CloudOptions['distribution'];
  /** Settings of single sites' agents. */
  readonly agents?: Readonly<Record<string, Pick<SiteAgentOptions, 'capacity' | 'readyTimeoutSeconds' | 'logLevel'>>>;
}

export interface Federation extends AsyncDisposable {
  readonly cloud: Cloud;
  readonly host: SiteHost;
  readonly member: Member;
  readonly guest: Member;
  readonly operator: Member;
  readonly agents: ReadonlyMap<string, SiteAgent>;
  /** Registers the sites, enrolls their agents and starts them. */
  startAgents(): Promise<void>;
}

/** The sites' requests come from this address here: signed URLs are bound to it. */
const EGRESS_ADDRESS = '127.0.0.1';

/** Starts cloud and host; everybody is logged in and the member's key is certified. */
export async function startFederation(options: FederationOptions): Promise<Federation> {
  const { directory, siteIds, acceleration, log } = options;
  await using undo = new AsyncDisposableStack();
  const root = newKeyPair();
  const [cloud, host] = await startBoth(
    undo,
    startCloud({
      members: Object.values(ACCOUNTS),
      rootPublicKeyPem: root.publicKeyPem,
      log,
      ...(options.distribution && { distribution: options.distribution }),
    }),
    startSiteHost({ directory, siteIds, acceleration, log }),
  );
  const person = (account: IssuerMember): Member => new Member(account, path.join(directory, 'people', account.id));
  const people = {
    member: person(ACCOUNTS.member),
    guest: person(ACCOUNTS.guest),
    operator: person(ACCOUNTS.operator),
  };
  for (const one of Object.values(people)) await one.logIn(cloud.apiUrl);
  await certify(people.member, people.operator, root.privateKeyPem);

  const agents = new Map<string, SiteAgent>();
  for (const siteId of siteIds) agents.set(siteId, await prepareAgent(siteId, cloud, host, options));
  undo.defer(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.stop()));
  });
  const startAgents = async (): Promise<void> => {
    for (const [siteId, agent] of agents) await registerAndStart(siteId, agent, people.operator);
  };
  const held = undo.move();
  return { cloud, host, ...people, agents, startAgents, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Side by side; what has started is stopped when the other fails. */
async function startBoth(
  undo: AsyncDisposableStack,
  cloudStarting: Promise<Cloud>,
  hostStarting: Promise<SiteHost>,
): Promise<[Cloud, SiteHost]> {
  const [cloud, host] = await Promise.allSettled([cloudStarting, hostStarting]);
  if (cloud.status === 'fulfilled') undo.defer(() => cloud.value.close());
  if (host.status === 'fulfilled') undo.use(host.value);
  return [await cloudStarting, await hostStarting];
}

/** As in real life: the member sends the public key, the operator signs it with the root key. */
async function certify(member: Member, operator: Member, rootPrivateKeyPem: string): Promise<void> {
  const { publicKeyPem } = await member.ask<{ publicKeyPem: string }>(['publisher', 'key']);
  await writeFile(operator.file('root-key.pem'), rootPrivateKeyPem, { mode: 0o600 });
  await writeFile(operator.file('member-key.pem'), publicKeyPem);
  await operator.ask([
    ...['publisher', 'certify', member.id],
    ...['--root-key', operator.file('root-key.pem'), '--public-key', operator.file('member-key.pem')],
  ]);
}

async function prepareAgent(
  siteId: string,
  cloud: Cloud,
  host: SiteHost,
  { directory, agents }: FederationOptions,
): Promise<SiteAgent> {
  const publicNetwork = host.networks.get(siteId);
  if (publicNetwork === undefined) throw new Error(`the host has no public network for ${siteId}`);
  const agentDirectory = path.join(directory, 'sites', siteId);
  await mkdir(agentDirectory, { recursive: true, mode: 0o711 });
  const agent = new SiteAgent({
    siteId,
    directory: agentDirectory,
    apiUrl: cloud.apiUrl,
    host: { libvirtUri: host.libvirtd.uri, publicNetwork },
    resolvers: cloud.distribution.resolvers.map(({ server }) => server),
    ...agents?.[siteId],
  });
  await agent.configure();
  return agent;
}

async function registerAndStart(siteId: string, agent: SiteAgent, operator: Member): Promise<void> {
  const { enrollmentToken } = await operator.ask<{ enrollmentToken: string }>([
    ...['site', 'register', siteId, '--group', 'members', '--egress', EGRESS_ADDRESS],
  ]);
  await agent.enroll(enrollmentToken);
  await agent.start();
}
