/** Whatever URLs are minted for a site are good from the site's own address alone: in what is sent, and in what is renewed. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { it } from 'node:test';
import type { Grant } from '#shared/grant.ts';
import { mintUrls } from '../../functions/mint-urls/mint-urls.ts';
import { renewUrls } from '../../functions/renew-urls/renew-urls.ts';
import { requestDeployment } from '../../functions/request-deployment/request-deployment.ts';
import { renewWarmingUrls } from '../../functions/serve-warming/serve-warming.ts';
import { warmImage } from '../../functions/warm-image/warm-image.ts';
import { verifySignedUrl } from '../../local/distribution/signed-url.ts';
import { ALICE, controlPlane, wish } from '../helpers/control-plane.ts';
import { sampleSite } from '../helpers/model-samples.ts';

const SITES_ADDRESS = '198.51.100.7';
const keyPairId = 'K2EXAMPLE';
const { publicKey: publicKeyPem, privateKey: privateKeyPem } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** A site behind one address, and URLs that are really signed. */
async function boundSite() {
  const { ports, sent } = await controlPlane();
  await ports.sites.register(
    sampleSite({ egressAddress: SITES_ADDRESS }),
    { sha256: 'f'.repeat(64), expiresAt: '2027-01-01T00:00:00.000Z' },
    [],
  );
  const signingKeys = { current: () => Promise.resolve({ keyPairId, privateKeyPem }) };
  const minting = { signingKeys, distributionUrl: 'https://d1.example.org', now: ports.now };
  return { ports: { ...ports, urlSigner: { mint: (request: object) => mintUrls(request, minting) } }, sent };
}

function assertBound(grant: Grant | undefined, nowMs: number): void {
  assert.ok(grant);
  const url = `${grant.resource.replace('*', 'parts/abc')}?${grant.signedQuery}`;
  const from = (viewerAddress: string) =>
    verifySignedUrl({ url, viewerAddress }, [{ keyPairId, publicKeyPem }], nowMs / 1000);
  assert.equal(from(SITES_ADDRESS), 'allowed');
  assert.notEqual(from('198.51.100.8'), 'allowed');
}

it('of a deployment, when it is accepted and when the agent asks again', async () => {
  const { ports, sent } = await boundSite();
  const { deploymentId } = await requestDeployment(ALICE, wish(), undefined, ports);
  assertBound(sent[0]?.message.grant, ports.now().getTime());
  assertBound(await renewUrls('naist', deploymentId, ports), ports.now().getTime());
});

it('of a warming, when it is accepted and when the agent asks again', async () => {
  const { ports, sent } = await boundSite();
  const wanted = { imageName: 'hpc-base', siteId: 'naist', keep: false };
  const { warmingId } = await warmImage(ALICE, wanted, undefined, ports);
  assertBound(sent[0]?.message.grant, ports.now().getTime());
  assertBound(await renewWarmingUrls('naist', warmingId, ports), ports.now().getTime());
});
