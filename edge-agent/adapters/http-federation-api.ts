/** The federation's API over HTTP, each request signed with the agent's own key. */
import { CLOCK_TOLERANCE_SECONDS, signAgentToken } from '#shared/agent-token.ts';
import { ApiClient } from '#shared/api-client.ts';
import {
  grantResponse,
  heartbeatResponse,
  jobResponse,
  type ReportResult,
  reportsResponse,
  sessionResponse,
  type SiteReport,
} from '#shared/api/agents.ts';
import { warmingJobResponse } from '#shared/api/warmings.ts';
import { EdgebootError, type ErrorCode, isErrorCode } from '#shared/errors.ts';
import type { AgentIdentity } from '../identity.ts';
import type { FederationApi } from '../ports.ts';
import { AGENT_VERSION } from '../version.ts';
import { measureClockSkew } from './clock-skew.ts';
import { ReportBatches } from './report-batches.ts';

/** What the API may say about a job. Anything else (a refused token, a lost race) is worth another try. */
const VERDICTS: readonly ErrorCode[] = [
  'NOT_FOUND',
  'IMAGE_RECALLED',
  'VETOED',
  'ACCESS_WITHDRAWN',
  'SUPERSEDED',
  'CLAIMED_ELSEWHERE',
];

/** Why a token is refused: it is made for another time; or else the key is not the site's, and only enrolling helps. */
async function whyRefused(apiUrl: string, { message }: EdgebootError): Promise<{ message: string; remedy: string }> {
  const skewSeconds = Math.round(await measureClockSkew(apiUrl).catch(() => 0));
  if (Math.abs(skewSeconds) <= CLOCK_TOLERANCE_SECONDS) {
    return {
      message: `the API refuses our token: ${message}`,
      remedy:
        'Another agent may be enrolled in place of this one. To enroll this one again, ask the federation operator for ' +
        'a token (edgeboot site register).',
    };
  }
  const how = `${Math.abs(skewSeconds)} s ${skewSeconds > 0 ? 'ahead of' : 'behind'}`;
  return {
    message: `the API refuses our token: this host's clock is ${how} the API's`,
    remedy: 'Set the clock of this host (chrony, systemd-timesyncd). edgeboot-agent doctor measures it again.',
  };
}

/** Why a report was not taken; `undefined` where it was. */
function errorOf(said: SiteReport, result: ReportResult | undefined): EdgebootError | undefined {
  if (result === undefined) return new EdgebootError('SERVICE_UNAVAILABLE', 'the API does not say what became of it');
  const { refused, lastSequence = 0 } = result;
  if (refused !== undefined) {
    const code = isErrorCode(refused.code) && VERDICTS.includes(refused.code) ? refused.code : 'SERVICE_UNAVAILABLE';
    return new EdgebootError(code, refused.detail, { remedy: refused.remedy });
  }
  if (!('deploymentId' in said) || lastSequence <= said.report.sequence) return undefined;
  // It said nothing to anybody. Whoever begins anew reads the row first, and numbers from there on.
  return new EdgebootError('SERVICE_UNAVAILABLE', 'a later report on the deployment came before this one');
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
      const why = error.code === 'UNAUTHENTICATED' ? await whyRefused(apiUrl, error) : error;
      throw new EdgebootError('SERVICE_UNAVAILABLE', why.message, { remedy: why.remedy, cause: error });
    }
  };
  const reports = new ReportBatches(async (batch, signal) => {
    const body = { reports: batch };
    const { results } = await call({ method: 'POST', path: `${site}/reports`, body, answer: reportsResponse, signal });
    return batch.map((said, i) => errorOf(said, results[i]));
  });
  return {
    readJob: (deploymentId, signal) =>
      call({ method: 'GET', path: `${site}/deployments/${deploymentId}`, answer: jobResponse, signal }),
    report: (deploymentId, report, signal) => reports.add({ deploymentId, report }, signal),
    async renewGrant(deploymentId, signal) {
      const path = `${site}/deployments/${deploymentId}/grant`;
      return (await call({ method: 'POST', path, answer: grantResponse, signal })).grant;
    },
    readWarming: (warmingId, signal) =>
      call({ method: 'GET', path: `${site}/warmings/${warmingId}`, answer: warmingJobResponse, signal }),
    reportWarming: (warmingId, report, signal) => reports.add({ warmingId, report }, signal),
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
