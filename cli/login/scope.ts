import type * as oidc from 'openid-client';

/** Who it is. */
const IDENTITY = 'openid';
/** For how long they stay logged in. */
const STAY = 'offline_access';

/** What to ask an issuer for: one that says what it has is not asked for anything else, since some then refuse it all. */
export function scopeOf(configuration: oidc.Configuration): string {
  return asksToStay(configuration) ? `${IDENTITY} ${STAY}` : IDENTITY;
}

export function asksToStay(configuration: oidc.Configuration): boolean {
  return configuration.serverMetadata().scopes_supported?.includes(STAY) ?? true;
}
