/** Sizes as operators write them: `200 GiB`, `1.5T`, or a bare number of GiB. Pure. */
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ['', 1024 ** 3],
  ['b', 1],
  ...['k', 'm', 'g', 't'].flatMap((unit, i): [string, number][] => [
    [unit, 1024 ** (i + 1)],
    [`${unit}ib`, 1024 ** (i + 1)],
    [`${unit}b`, 1000 ** (i + 1)],
  ]),
]);
const SIZE = /^(\d{1,15}(?:\.\d{1,9})?) ?([a-z]{0,3})$/i;

/** In bytes; `undefined` where it is no size. */
export function parseSizeBytes(text: string): number | undefined {
  const [, number, unit = ''] = SIZE.exec(text.trim()) ?? [];
  const unitBytes = UNIT_BYTES.get(unit.toLowerCase());
  if (number === undefined || unitBytes === undefined) return undefined;
  const sizeBytes = Math.round(Number(number) * unitBytes);
  return Number.isSafeInteger(sizeBytes) ? sizeBytes : undefined;
}
