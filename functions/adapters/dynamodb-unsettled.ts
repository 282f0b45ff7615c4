/** The index `unsettled`: rows that somebody still waits for, those first that have not come on for the longest time. Pure. */

/** Values of the attribute that puts a row into the index. */
export const UNSETTLED = { deployment: 'UNSETTLED', warming: 'UNSETTLED_WARMING' } as const;

const STEP_MS = 5 * 60 * 1000;

/**
 * The attributes of a row that belongs into the index. Its key there moves in steps of five minutes, counted from the row's beginning:
 * each move is two writes, all of them under one heading, and an agent at work reports every two seconds.
 */
export function unsettledAttributes(
  kind: keyof typeof UNSETTLED,
  { createdAt, progressedAt }: { readonly createdAt: string; readonly progressedAt: string },
) {
  const beganMs = Date.parse(createdAt);
  const stepsBegun = Math.floor((Date.parse(progressedAt) - beganMs) / STEP_MS);
  return { unsettled: UNSETTLED[kind], touchedAt: new Date(beganMs + stepsBegun * STEP_MS).toISOString() };
}
