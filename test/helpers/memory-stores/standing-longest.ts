/** What the sweep looks for. */

export function standingLongest<Row extends { readonly progressedAt: string }>(
  rows: Iterable<Row>,
  stoodSince: string,
  limit: number,
  isWanted: (row: Row) => boolean,
): Row[] {
  const standing = [...rows].filter((row) => isWanted(row) && row.progressedAt < stoodSince);
  return standing.sort((a, b) => (a.progressedAt < b.progressedAt ? -1 : 1)).slice(0, limit);
}
