/** What the API takes. */

/** Of the body of one request. */
export const MAX_BODY_BYTES = 256 * 1024;
