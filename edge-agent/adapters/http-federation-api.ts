/** The federation's API over HTTP, each request signed with the agent's own key. */
import { signAgentToken } from '#shared/agent-token.ts';
import { ApiClient } from '#shared/api-client.ts';
import { grantResponse, jobResponse, reportResponse, sessionResponse } from '#shared/api.ts';
import * as z from 'zod';
import type { AgentIdentity } from '../identity.ts';
import type { FederationApi } from '../ports.ts';
import { AGENT_VERSION } from '../version.ts';

export function createFederationApi(apiUrl: string, identity: AgentIdentity): FederationApi {
  const { siteId, privateKeyPem, audience } = identity;
  const client = new ApiClient(apiUrl, async (method, path, body) => {
    return `Bearer ${await signAgentToken(siteId, privateKeyPem, audience, { method, path }, body)}`;
  });
  const site = `/v1/sites/${siteId}`;
  return {
    readJob: (deploymentId, signal) =>
      client.call({ method: 'GET', path: `${site}/deployments/${deploymentId}`, answer: jobResponse, signal }),
    async report(deploymentId, report) {
      const path = `${site}/deployments/${deploymentId}/reports`;
      return (await client.call({ method: 'POST', path, body: report, answer: reportResponse })).deployment;
    },
    async renewGrant(deploymentId) {
      const path = `${site}/deployments/${deploymentId}/grant`;
      return (await client.call({ method: 'POST', path, answer: grantResponse })).grant;
    },
    openSession: () => client.call({ method: 'POST', path: `${site}/session`, answer: sessionResponse }),
    async announce(free) {
      const body = { free, agentVersion: AGENT_VERSION };
      await client.call({ method: 'POST', path: `${site}/heartbeat`, body, answer: z.object({}) });
    },
  };
}
