/** The federation's API over HTTP, each request signed with the agent's own key. */
import { CLOCK_TOLERANCE_SECONDS, signAgentToken } from '#shared/agent-token.ts';
import { ApiClient } from '#shared/api-client.ts';
import { grantResponse, heartbeatResponse, jobResponse, reportResponse, sessionResponse } from '#shared/api/agents.ts';
import { warmingJobResponse, warmingReportResponse } from '#shared/api/warmings.ts';
import { EdgebootError, type ErrorCode } from '#shared/errors.ts';
import type { AgentIdentity } from '../identity.ts';
import type { FederationApi } from '../ports.ts';
import { AGENT_VERSION } from '../version.ts';
import { measureClockSkew } from './clock-skew.ts';

/** What the API may say about a job. Anything else (a refused token, a lost race) is worth another try. */
const VERDICTS: readonly ErrorCode[] = [
  'NOT_FOUND',
  'IMAGE_RECALLED',
  'VETOED',
  'ACCESS_WITHDRAWN',
  'SUPERSEDED',
  'CLAIMED_ELSEWHERE',
];

/** Why a token is refused whose key is right: it is made for another time. `undefined` where the clock is no reason, or nobody knows. */
async function wrongClock(apiUrl: string): Promise<{ readonly message: string; readonly remedy: string } | undefined> {
  const skewSeconds = Math.round(await measureClockSkew(apiUrl).catch(() => 0));
  if (Math.abs(skewSeconds) <= CLOCK_TOLERANCE_SECONDS) return undefined;
  const how = `${Math.abs(skewSeconds)} s ${skewSeconds > 0 ? 'ahead of' : 'behind'}`;
  return {
    message: `the API refuses our token: this host's clock is ${how} the API's`,
    remedy: 'Set the clock of this host (chrony, systemd-timesyncd). edgeboot-agent doctor measures it again.',
  };
}

export function createFederationApi(apiUrl: string, identity: AgentIdentity): FederationApi {
  const { siteId, privateKeyPem, audience } = identity;
  const client = new ApiClient(apiUrl, async (method, path, body) => {
    return `Bearer ${await signAgentToken(siteId, privateKeyPem, audience, { method, path }, body)}`;
  });
  const site = `/v1/sites/${siteId}`;
  const call: ApiClient['call'] = async (request) => {
    try {
      return await client.call(request);
    } catch (error) {
      if (!(error instanceof EdgebootError) || VERDICTS.includes(error.code)) throw error;
      const clock = error.code === 'UNAUTHENTICATED' ? await wrongClock(apiUrl) : undefined;
      throw new EdgebootError('SERVICE_UNAVAILABLE', clock?.message ?? error.message, {
        remedy: clock?.remedy ?? error.remedy,
        cause: error,
      });
    }
  };
  return {
    readJob: (deploymentId, signal) =>
      call({ method: 'GET', path: `${site}/deployments/${deploymentId}`, answer: jobResponse, signal }),
    async report(deploymentId, report, signal) {
      const path = `${site}/deployments/${deploymentId}/reports`;
      return (await call({ method: 'POST', path, body: report, answer: reportResponse, signal })).deployment;
    },
    async renewGrant(deploymentId, signal) {
      const path = `${site}/deployments/${deploymentId}/grant`;
      return (await call({ method: 'POST', path, answer: grantResponse, signal })).grant;
    },
    readWarming: (warmingId, signal) =>
      call({ method: 'GET', path: `${site}/warmings/${warmingId}`, answer: warmingJobResponse, signal }),
    async reportWarming(warmingId, report, signal) {
      const path = `${site}/warmings/${warmingId}/reports`;
      return (await call({ method: 'POST', path, body: report, answer: warmingReportResponse, signal })).warming;
    },
    async renewWarmingGrant(warmingId, signal) {
      const path = `${site}/warmings/${warmingId}/grant`;
      return (await call({ method: 'POST', path, answer: grantResponse, signal })).grant;
    },
    openSession: () => call({ method: 'POST', path: `${site}/session`, answer: sessionResponse }),
    async announce(said) {
      const body = { ...said, agentVersion: AGENT_VERSION };
      await call({ method: 'POST', path: `${site}/heartbeat`, body, answer: heartbeatResponse });
    },
  };
}
