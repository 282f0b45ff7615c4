/** Where the issuer keeps its sessions, codes and grants: in memory, one store per issuer. */
import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  readonly model: string;
  readonly payload: AdapterPayload;
  readonly expiresAt: number;
}

/** A factory of adapters over one map; entries past their time are not found and dropped when they are met. */
export function createOidcStore(): (model: string) => Adapter {
  const entries = new Map<string, Entry>();
  const read = (key: string): AdapterPayload | undefined => {
    const entry = entries.get(key);
    if (entry === undefined || entry.expiresAt > Date.now()) return entry?.payload;
    entries.delete(key);
    return undefined;
  };
  return (model) => {
    const keyOf = (id: string) => `${model}:${id}`;
    const findBy = (wanted: (payload: AdapterPayload) => boolean) => {
      const found = [...entries].find(([, entry]) => entry.model === model && wanted(entry.payload));
      return Promise.resolve(found === undefined ? undefined : read(found[0]));
    };
    return {
      upsert: (id, payload, expiresInSeconds = Infinity) => {
        entries.set(keyOf(id), { model, payload, expiresAt: Date.now() + expiresInSeconds * 1_000 });
        return Promise.resolve();
      },
      find: (id) => Promise.resolve(read(keyOf(id))),
      findByUserCode: (userCode) => findBy((payload) => payload.userCode === userCode),
      findByUid: (uid) => findBy((payload) => payload.uid === uid),
      consume: (id) => {
        const payload = read(keyOf(id));
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1_000);
        return Promise.resolve();
      },
      destroy: (id) => {
        entries.delete(keyOf(id));
        return Promise.resolve();
      },
      revokeByGrantId: (grantId) => {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
        return Promise.resolve();
      },
    };
  };
}
