/**
 * Waits for something for so long at most, and lets it go on.
 *
 * @throws what it fails with, or that there is no answer in time
 */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  // It may fail when nobody waits any more.
  work.catch(() => undefined)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
