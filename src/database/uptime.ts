/** What uptime and coverage are, as SQL: the same for the command line and the page. */

/** A time as milliseconds of the Unix epoch, which is quicker to read than a timestamp. Whole ones stay whole. */
export const msOf = (time: string) => `(extract(epoch FROM ${time}) * 1000)::float8`

/** 24 full hours and the running one. */
export const dayAgo = `date_trunc('hour', now(), 'UTC') - interval '24 hours'`

/** The share of checks that were good; NULL: there was none. */
export const uptimeOf = (failures: string, checks: string) => `1 - ${failures}::float8 / nullif(${checks}, 0)`

/**
 * The share of the time since then for which there are checks; before the website was added there could be none.
 *
 * @param covered seconds
 */
export const coverageOf = (covered: string, since: string, added = '"timestamp"') =>
  `least(1, coalesce(${covered}, 0)::float8 / greatest(1, extract(epoch FROM now() - greatest(${since}, ${added})))::float8)`
