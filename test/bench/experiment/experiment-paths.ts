/** What lies in the folder of the experiment. */
import path from 'node:path';
import { readManifests } from '../images/native-image.ts';

export const IMAGE_REPOSITORY = 'image';
export const DEMO_REPOSITORY = 'demo';
/** For one connection: an object that takes some seconds from a bucket, and one that takes some seconds over a miss. */
export const LONG_OBJECT = 'long.zst';
export const SHORT_OBJECT = 'short.zst';
/** As long as the demo's image. */
export const DEMO_OBJECT = 'demo.zst';
export const LONG_BYTES = 80_000_000;
export const SHORT_BYTES = 12_000_000;

export interface ExperimentPaths {
  readonly image: string;
  readonly demo: string;
}

/** Paths of the manifests below the folder. */
export async function experimentPaths(folder: string): Promise<ExperimentPaths> {
  const manifestOf = async (repository: string): Promise<string> => {
    const [manifest = ''] = await readManifests(path.join(folder, repository));
    return `${repository}/${manifest}`;
  };
  return { image: await manifestOf(IMAGE_REPOSITORY), demo: await manifestOf(DEMO_REPOSITORY) };
}
