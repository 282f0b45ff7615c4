/** Some at once: a sweep mostly waits for other services, and has to be over before the next one begins. */
const AT_ONCE = 16;

/** In the order of `things`. The first that rejects is what it rejects with, while others are still at work. */
export async function sideBySide<Thing, Result>(
  things: readonly Thing[],
  work: (thing: Thing) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const waiting = things.entries();
  const workOn = async (): Promise<void> => {
    for (const [i, thing] of waiting) results[i] = await work(thing);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, workOn));
  return results;
}
