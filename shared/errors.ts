/**
 * One error class, a stable code, a disposition: what to do next is decided from the code, never from the text.
 * `docs/errors.md` lists every row of the table below; a test keeps the two equal.
 */

/** Who acts on an error, and how. */
export type Disposition =
  /** Back off with full jitter, within a total deadline. */
  | 'retry'
  /** Discard what was fetched and fetch it again, at most three times, from another edge where there is one. */
  | 'refetch'
  /** Mint the URLs again: one renewal at a time for all parts. */
  | 'renew'
  /** Report FAILED with the code, step, cause and next step; delete the message. */
  | 'reject'
  /** Checkpoint, then give the message back at once (visibility timeout 0). */
  | 'release'
  /** Touch nothing further: somebody else holds the work now. */
  | 'stop';

interface ErrorKind {
  readonly disposition: Disposition;
  /** Status of the RFC 9457 problem document when the error leaves through the HTTP API. */
  readonly httpStatus: number;
  /** Exit status of a command that ends with this error (sysexits.h: 64 usage, 69 unavailable, 75 try later, 77 denied, 78 config). */
  readonly exitCode: number;
  /** What a person should do next. */
  readonly remedy: string;
}

const kind = (disposition: Disposition, httpStatus: number, exitCode: number, remedy: string): ErrorKind => ({
  disposition,
  httpStatus,
  exitCode,
  remedy,
});

/** Every code that the project can produce. */
export const ERROR_KINDS = {
  PART_UNAVAILABLE: kind('retry', 503, 75, 'A part of the image was not delivered. Try again later.'),
  THROTTLED: kind('retry', 429, 75, 'Too many requests. Wait a moment and try again.'),
  SERVICE_UNAVAILABLE: kind('retry', 503, 75, 'A service that is needed does not answer. Try again later.'),
  HYPERVISOR_BUSY: kind('retry', 503, 75, 'libvirt does not answer. Check that libvirtd runs, then try again.'),
  PART_CORRUPT: kind(
    'refetch',
    502,
    65,
    'The part does not match its digest at any edge. Ask the publisher to publish again.',
  ),
  URL_EXPIRED: kind('renew', 403, 75, 'The signed URLs have expired. They are renewed by themselves; try again.'),
  SIGNING_KEY_ROTATED: kind(
    'renew',
    403,
    75,
    'The signing key was rotated. URLs are renewed by themselves; try again.',
  ),
  USAGE: kind('reject', 400, 64, 'Look at --help for how the command is called.'),
  INVALID_REQUEST: kind('reject', 400, 64, 'Correct the request: the detail names the field.'),
  REQUEST_TOO_LARGE: kind('reject', 413, 64, 'Send less in one request.'),
  INVALID_MESSAGE: kind('reject', 400, 65, 'The message does not follow the schema. Its sender must be corrected.'),
  INVALID_CONFIG: kind('reject', 500, 78, 'Correct the configuration: the detail names the setting.'),
  UNAUTHENTICATED: kind('reject', 401, 77, 'Log in: edgeboot login.'),
  FORBIDDEN: kind('reject', 403, 77, 'Ask the operator for the right that the detail names.'),
  NOT_FOUND: kind('reject', 404, 66, 'Check the name: the list command shows what there is.'),
  CONFLICT: kind('reject', 409, 75, 'Somebody changed it at the same time. Look at its present state, then try again.'),
  IDEMPOTENCY_MISMATCH: kind('reject', 409, 64, 'Use a new Idempotency-Key for a different request.'),
  IMAGE_RECALLED: kind('reject', 409, 65, 'Use another version: edgeboot image show NAME says which there are.'),
  AUDIT_INCOMPLETE: kind(
    'reject',
    500,
    65,
    'Records of the audit trail are gone. Find out who could write to its log group, or had it deleted.',
  ),
  IMAGE_NOT_COMPLIANT: kind('reject', 422, 65, 'Rebuild the disk as the image standard says (docs/image-standard.md).'),
  MANIFEST_UNTRUSTED: kind(
    'reject',
    422,
    65,
    'The manifest is not signed by a publisher of this federation, or was changed. Ask the publisher to publish again.',
  ),
  DISK_FULL: kind('reject', 507, 74, 'Free space in the state directory of the agent, then deploy again.'),
  NO_CAPACITY: kind('reject', 409, 75, 'Ask for fewer computes, choose another site, or destroy a cluster there.'),
  QUOTA_EXCEEDED: kind(
    'reject',
    409,
    75,
    "Destroy a cluster of yours there, ask for fewer computes, or ask the site's operators for more.",
  ),
  VETOED: kind('reject', 403, 77, "Use another image or site, or ask the site's operators."),
  ACCESS_WITHDRAWN: kind(
    'reject',
    403,
    77,
    "The right to it was taken back. Ask the site's operators for a grant, or the image's owner to share it.",
  ),
  SITE_DRAINING: kind('reject', 409, 75, 'The site takes no new work for now. Choose another one, or try again later.'),
  BOOT_TIMEOUT: kind('reject', 504, 75, 'The guests did not become ready. Look at the console text in the detail.'),
  BOOT_FAILED: kind('reject', 500, 70, 'libvirt refused the cluster. The detail has its words.'),
  PREREQUISITE_MISSING: kind('reject', 500, 69, 'Install what the detail names.'),
  CLAIMED_ELSEWHERE: kind('release', 409, 75, 'Another agent of the site works on this deployment. Nothing to do.'),
  SHUTDOWN: kind('release', 503, 75, 'The agent was stopped. It goes on when it runs again.'),
  LEASE_LOST: kind('stop', 409, 75, 'Another delivery of the message took over. Nothing to do.'),
  SUPERSEDED: kind('stop', 409, 75, 'A newer wish for this deployment took over. Nothing to do.'),
  INTERNAL: kind('reject', 500, 70, 'This is a fault of ours. Report it, with the log of the agent or the request id.'),
  CANCELED: kind('stop', 499, 130, 'Stopped on request.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export interface ErrorContext {
  /** Which step of a flow failed: a verb of edge-agent/steps or functions. */
  readonly step?: string;
  /** What to do next, where the table's sentence is too general. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** The only error that the project throws on purpose. Anything else that is thrown is a bug. */
export class EdgebootError extends Error {
  override readonly name = 'EdgebootError';
  readonly code: ErrorCode;
  readonly step: string | undefined;
  readonly remedy: string;

  /** @param message what happened and why, for a person. Never a secret, never a signed URL. */
  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.step = context.step;
    this.remedy = context.remedy ?? ERROR_KINDS[code].remedy;
  }

  get disposition(): Disposition {
    return ERROR_KINDS[this.code].disposition;
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_KINDS, value);
}

/** True when `error` is one of ours and, where codes are given, has one of them. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is EdgebootError {
  return error instanceof EdgebootError && (codes.length === 0 || codes.includes(error.code));
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
