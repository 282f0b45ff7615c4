/** The agent's log: one JSON line per event on standard output, with typed fields, by pino. */
import type { Log } from '#shared/log-fields.ts';
import pino from 'pino';

export function pinoLog(base: { readonly siteId?: string }, level: string): Log {
  const logger = pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime });
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
  };
}
