/** What the sweep looks for. */

export function longestUntouched<Row extends { readonly updatedAt: string }>(
  rows: Iterable<Row>,
  unchangedSince: string,
  limit: number,
  isWanted: (row: Row) => boolean,
): Row[] {
  const quiet = [...rows].filter((row) => isWanted(row) && row.updatedAt < unchangedSince);
  return quiet.sort((a, b) => (a.updatedAt < b.updatedAt ? -1 : 1)).slice(0, limit);
}
