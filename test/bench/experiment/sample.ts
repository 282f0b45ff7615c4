/** One sample: everything that is compared, once, at one site and one hour. */
import { type ExperimentPaths, LONG_OBJECT, SHORT_OBJECT } from './experiment-paths.ts';
import { fetchOverOneConnection, fetchWithEngine, type Transfer } from './transfers.ts';

export const SITUATIONS = ['bucket', 'edge hit', 'edge miss', 'warmed edge'] as const;
export type Situation = (typeof SITUATIONS)[number];
export const METHODS = ['one connection', 'this engine'] as const;
export type Method = (typeof METHODS)[number];

export interface Measurement {
  readonly situation: Situation;
  readonly method: Method;
  readonly transfer: Transfer;
}

/** Addresses of the folder, without a slash at the end; what is not there is not measured. */
export interface Places {
  readonly bucket: string | undefined;
  /** An edge location that has everything. */
  readonly warmEdge: string | undefined;
  /** One that has nothing of it yet, and keeps what it has fetched. */
  readonly emptyEdge: string;
}

/** Those of the model are all there. */
export type ModelPlaces = Readonly<Record<keyof Places, string>>;

/** The order matters: what was a miss is warm for the next. @param directory for the disks that are made and removed */
export async function takeSample(places: Places, paths: ExperimentPaths, directory: string): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  const measureBoth = async (situation: Situation, place: string, object: string): Promise<void> => {
    const one = await fetchOverOneConnection(`${place}/${object}`);
    const engine = await fetchWithEngine(`${place}/${paths.image}`, directory);
    measurements.push(
      { situation: asFound(situation, one), method: 'one connection', transfer: one },
      { situation: asFound(situation, engine), method: 'this engine', transfer: engine },
    );
  };
  if (places.bucket !== undefined) await measureBoth('bucket', places.bucket, LONG_OBJECT);
  if (places.warmEdge !== undefined) await measureBoth('edge hit', places.warmEdge, LONG_OBJECT);
  await measureBoth('edge miss', places.emptyEdge, SHORT_OBJECT);
  await measureBoth('warmed edge', places.emptyEdge, SHORT_OBJECT);
  return measurements;
}

/** A real edge location may have what we take for a miss. */
function asFound(expected: Situation, { cacheHit }: Transfer): Situation {
  return expected === 'edge miss' && cacheHit === true ? 'edge hit' : expected;
}
