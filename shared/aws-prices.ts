/**
 * AWS's list prices in US dollars: the one place where they stand, for `edgeboot usage` and for what docs/scale.md and docs/operations.md
 * calculate. Free allowances are left out.
 */
export const PRICE_LIST = { region: 'us-east-1', month: 'November 2026' } as const;

/** Of 10^9 bytes out of an edge, by where the edge is. Whatever the control plane's region is, viewers pay for theirs. */
export const EDGE_GIGABYTE_USD = { 'North America, Europe': 0.085, Japan: 0.114, Singapore: 0.12 } as const;
/** What nobody pays more than, in the places above. */
export const DEAREST_EDGE_GIGABYTE_USD = Math.max(...Object.values(EDGE_GIGABYTE_USD));

export const MILLION_USD = {
  apiRequests: 1,
  invocations: 0.2,
  readUnits: 0.125,
  writeUnits: 0.625,
  queueRequests: 0.4,
  secretReads: 5,
  /** In Japan. */
  edgeRequests: 1.2,
  bucketGets: 0.4,
  bucketPuts: 5,
} as const;

export const LAMBDA_GIGABYTE_SECOND_USD = 0.0000133334;
export const LOG_GIGABYTE_USD = 0.5;

export const MONTH_USD = { alarm: 0.1, metric: 0.3, secret: 0.4, bucketGigabyte: 0.023, tableGigabyte: 0.45 } as const;
