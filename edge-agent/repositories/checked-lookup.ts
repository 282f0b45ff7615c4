/** Finds a host's addresses for a connection, and leaves out those that it may not have: what was checked is what is connected to. */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { allowsAddress, type HostRule, refusedAddress } from '../core/repository-hosts.ts';

/** A lookup that fails with FORBIDDEN where none of the addresses is allowed. Hosts that are addresses already never come here. */
export function checkedLookup(rule: HostRule): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const allowed = error === null ? found.filter(({ address }) => allowsAddress(address, rule)) : [];
      const [first] = allowed;
      if (first === undefined) callback(error ?? refusedAddress(found[0]?.address ?? 'no address', rule), []);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
