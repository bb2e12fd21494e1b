import { scrape } from '../../tests/helpers/metrics.ts'
import { until } from '../../tests/helpers/services.ts'

const shards = 256
const metric = 'webmon_shards_held'

/**
 * Waits until the producers have shared all websites among them, each with its fair part.
 *
 * @param ports where each of them answers /metrics
 * @returns how many shards each holds; undefined: these producers share nothing, each checks everything
 */
export async function sharesHeld(ports: readonly number[]): Promise<number[] | undefined> {
  let held: (number | undefined)[] = []
  return await until(
    async () => {
      held = await Promise.all(ports.map(async (port) => (await scrape(port)).get(metric)))
      if (held.every((count) => count === undefined)) return { shares: undefined }
      return isFair(held) && { shares: held }
    },
    60_000,
    () => `${ports.length} producers to share ${shards} shards fairly; they hold ${held.join(', ')}`,
  ).then(({ shares }) => shares)
}

function isFair(held: readonly (number | undefined)[]): held is number[] {
  const least = Math.floor(shards / held.length)
  return held.reduce<number>((sum, count) => sum + (count ?? 0), 0) === shards && held.every((n) => (n ?? 0) >= least)
}
