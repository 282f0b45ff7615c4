/** Who it is, and for how long they stay logged in. */
export const SCOPE = 'openid offline_access';
