/** OAuth 2.0 device flow (RFC 8628): an address and a code, for any browser on any machine. */
import * as oidc from 'openid-client';
import { say } from '../output.ts';
import { scopeOf } from './scope.ts';

/** Throws what the issuer says. @param resource what the token is for */
export async function deviceFlow(configuration: oidc.Configuration, resource: string) {
  const device = await oidc.initiateDeviceAuthorization(configuration, { scope: scopeOf(configuration), resource });
  say(`Open ${device.verification_uri_complete ?? device.verification_uri}`);
  say(`and check that it shows the code ${device.user_code}`);
  return oidc.pollDeviceAuthorizationGrant(configuration, device, { resource });
}
