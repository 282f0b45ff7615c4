/** Which runs of a disk a newer version changes. Pure. */

export interface ChangeWish {
  /** By block: 1 where the disk has data. */
  readonly hasData: Uint8Array;
  readonly blocksPerRun: number;
  /** How much of the data changes, 0 to 1. */
  readonly share: number;
}

/** How many runs of the disk's data change. */
export function countRuns({
  dataBlocks,
  blocksPerRun,
  share,
}: Omit<ChangeWish, 'hasData'> & { dataBlocks: number }): number {
  return Math.round((dataBlocks * share) / blocksPerRun);
}

/**
 * First blocks of the runs, ascending: data from end to end, apart from each other, and spread evenly over all such places. They begin
 * at any block, as a file system's extents do.
 */
export function planChanges({ hasData, blocksPerRun, share }: ChangeWish): readonly number[] {
  const runCount = countRuns({ dataBlocks: hasData.reduce((sum, has) => sum + has, 0), blocksPerRun, share });
  const places = findPlaces(hasData, blocksPerRun);
  const runs: number[] = [];
  for (let i = 0; i < runCount; i++) {
    const wanted = places[Math.floor(((i + 0.5) / runCount) * places.length)];
    const earliest = (runs.at(-1) ?? -blocksPerRun) + blocksPerRun;
    const run = wanted !== undefined && wanted >= earliest ? wanted : places.find((place) => place >= earliest);
    if (run === undefined) throw new RangeError('the disk has too little data in one piece for so many runs');
    runs.push(run);
  }
  return runs;
}

/** Blocks from which on a whole run is data. */
function findPlaces(hasData: Uint8Array, blocksPerRun: number): readonly number[] {
  const places: number[] = [];
  let dataBefore = 0;
  for (const [block, has] of hasData.entries()) {
    dataBefore = has === 1 ? dataBefore + 1 : 0;
    if (dataBefore >= blocksPerRun) places.push(block - blocksPerRun + 1);
  }
  return places;
}
