/** A warming's pull goes through the flow of all transfers: as many requests at once as that lets through, and no more. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import type { PartSource } from '../../edge-agent/ports.ts';
import { pullObjects } from '../../edge-agent/steps/pull-image.ts';
import { flowOf } from '../helpers/flow.ts';

const CONTENT = Buffer.alloc(1000, 'a part');
const OBJECTS = Array.from({ length: 200 }, (_, number) => ({
  path: `images/i/parts/${number}`,
  sha256: hash('sha256', CONTENT),
  sizeBytes: CONTENT.length,
}));

for (const connections of [8, 64]) {
  test(`where the flow lets ${connections} through, ${connections} objects are on their way at once`, async (t) => {
    let [inFlight, most] = [0, 0];
    const full = Promise.withResolvers<undefined>();
    const source: PartSource = {
      async fetch() {
        most = Math.max(most, ++inFlight);
        if (inFlight === connections) full.resolve(undefined);
        // Nobody is answered before so many have asked.
        await full.promise;
        inFlight--;
        const delivery = { edgeLocation: 'NRT57-C1', cacheHit: false };
        return { bytes: CONTENT, sizeBytes: CONTENT.length, version: undefined, delivery };
      },
    };
    let fetchedObjects = 0;
    const onProgress = (report: { readonly fetchedObjects: number }): void => void ({ fetchedObjects } = report);
    await pullObjects(OBJECTS, { source, flow: flowOf(connections), onProgress, signal: t.signal });
    assert.deepEqual([most, fetchedObjects], [connections, OBJECTS.length]);
  });
}
