/** The field names of every structured log line, in one list: a name that is not here does not compile. */
export interface LogFields {
  readonly deploymentId?: string;
  readonly generation?: number;
  readonly warmingId?: string;
  readonly siteId?: string;
  readonly agentId?: string;
  readonly memberId?: string;
  readonly imageId?: string;
  readonly imageName?: string;
  readonly imageVersion?: number;
  readonly nodeName?: string;
  readonly phase?: string;
  readonly step?: string;
  readonly seconds?: number;
  readonly object?: string;
  readonly offsetBytes?: number;
  readonly sizeBytes?: number;
  readonly parts?: number;
  readonly count?: number;
  readonly badCopies?: number;
  readonly cacheHit?: boolean;
  readonly cacheHits?: number;
  readonly cacheMisses?: number;
  readonly edgeLocation?: string;
  readonly roundTripMilliseconds?: number;
  readonly address?: string;
  readonly messageId?: string;
  readonly auditId?: string;
  readonly requestId?: string;
  readonly operation?: string;
  readonly httpStatus?: number;
  readonly errorCode?: string;
  readonly disposition?: string;
  readonly reason?: string;
  readonly acceleration?: string;
  readonly silentSites?: number;
  readonly oldestEntrySeconds?: number;
  readonly oldestJobSeconds?: number;
}

/** A logger that takes only those fields. pino and the Lambda logger both stand behind it. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const MAX_FIELD_CHARACTERS = 2048;

/** A text from outside made fit for one bounded log line: control characters escaped, the rest cut. */
export function boundedText(text: string): string {
  const escaped = text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return escaped.length > MAX_FIELD_CHARACTERS ? `${escaped.slice(0, MAX_FIELD_CHARACTERS)}…` : escaped;
}
