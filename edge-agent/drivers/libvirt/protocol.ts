/** What the driver asks of its worker process, and what that answers. Plain data only: both sides are ours. */

/** A domain or a network, as libvirt describes it. */
export interface LibvirtObject {
  readonly name: string;
  readonly xml: string;
  readonly active: boolean;
}

export type ObjectKind = 'domain' | 'network';

/** Every request, with what it answers. */
export interface Operations {
  nodeInfo: { request: object; response: { cpus: number; memoryKiB: number } };
  list: { request: { kind: ObjectKind }; response: readonly LibvirtObject[] };
  /** `undefined` when there is none of that name. */
  find: { request: { kind: ObjectKind; name: string }; response: LibvirtObject | undefined };
  /** Defines it, or replaces the definition of the same name. */
  define: { request: { kind: ObjectKind; xml: string }; response: undefined };
  start: { request: { kind: ObjectKind; name: string }; response: undefined };
  /** Presses the power button of a domain that is on: what follows is up to the guest. */
  pressPowerButton: { request: { name: string }; response: undefined };
  /** Ends a domain that is on; its definition stays. */
  turnOff: { request: { name: string }; response: undefined };
  /** Stops it where it is active, then removes the definition. Nothing there is fine. */
  remove: { request: { kind: ObjectKind; name: string }; response: undefined };
}

export type OperationName = keyof Operations;

export type Request = {
  [Name in OperationName]: { readonly operation: Name } & Operations[Name]['request'];
}[OperationName];

export interface RequestMessage {
  readonly id: number;
  readonly request: Request;
}

export type ResponseMessage =
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | ({ readonly kind: 'failed'; readonly id: number } & LibvirtFailure)
  /** The worker cannot do anything on this machine. */
  | { readonly kind: 'unusable'; readonly message: string };

export interface LibvirtFailure {
  /** libvirt cannot be reached, or the lock of an object was not had in time: worth another try. */
  readonly busy: boolean;
  /** libvirt's own words. */
  readonly message: string;
}
