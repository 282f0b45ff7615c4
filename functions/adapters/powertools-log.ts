/** Structured logs of the functions, by Powertools for AWS Lambda: one JSON line each, with typed fields. */
import { Logger } from '@aws-lambda-powertools/logger';
import type { Log } from '#shared/log-fields.ts';

export function powertoolsLog(): Log {
  const logger = new Logger({ serviceName: 'edgeboot' });
  return {
    debug: (message, fields = {}) => logger.debug(message, { ...fields }),
    info: (message, fields = {}) => logger.info(message, { ...fields }),
    warn: (message, fields = {}) => logger.warn(message, { ...fields }),
    error: (message, fields = {}) => logger.error(message, { ...fields }),
  };
}
