/** Waits for all, even when one fails: nothing is still under way when it throws a failure. */
export async function allSettled(works: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(works);
  await Promise.all(works);
}
