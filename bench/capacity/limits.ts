import { type Costs, costOf } from './costs.ts'
import { diskOf, secondsOfCheck } from './model.ts'

/** What comes to its end, at how many websites, and what lifts it. */
export interface Limit {
  readonly what: string
  readonly websites: number
  readonly lift: string
}

/** All limits of websites with this interval, the first that is hit first. */
export function limitsOf(intervalSeconds: number, costs: Costs): Limit[] {
  const cost = (name: string) => costOf(costs, name)
  const headroom = cost('headroom')
  const rate = (checksPerSecond: number) => checksPerSecond * intervalSeconds
  const oneProducer = rate(headroom / secondsOfCheck(costs))
  const received = cost('page') + cost('https_share') * cost('https_overhead')
  const topic = (cost('message') * cost('topic_days') * 86_400) / intervalSeconds
  const limits = [
    {
      what: `a public name server: ${cost('dns_server')} queries a second`,
      websites: rate(cost('dns_server') / cost('dns_queries')),
      lift: 'a resolver of your own, named in `monitoring.nameservers`',
    },
    {
      what: 'one producer: a core',
      websites: oneProducer,
      lift: 'more producers',
    },
    {
      what: `one PostgreSQL, disk: ${cost('database_disk')} TB`,
      websites: (cost('database_disk') * 1e12) / diskOf({ websites: 1, intervalSeconds }, costs),
      lift: 'less `database.retention.entries` (the rollups keep what they say), or several webmons',
    },
    {
      what: `${cost('replicas')} brokers, disk: ${cost('broker_disk')} TB each`,
      websites: (cost('broker_disk') * 1e12) / topic,
      lift: 'fewer days in the topic (`retention.ms`), or more brokers',
    },
    {
      what: 'one machine, network',
      websites: rate((cost('network') * 1e9 * headroom) / 8 / received),
      lift: 'producers on more machines',
    },
    {
      what: 'one PostgreSQL, rows a second',
      websites: rate(cost('consumer_rate') * headroom),
      lift: 'several webmons, or a larger server where you have measured that it takes more',
    },
    {
      what: `${cost('replicas')} brokers, bytes a second`,
      websites: rate((cost('broker_rate') * 1e6 * headroom * cost('replicas')) / cost('message')),
      lift: 'more brokers',
    },
    {
      what: `${cost('shards')} shards, one for each producer`,
      websites: oneProducer * cost('shards'),
      lift: 'several webmons',
    },
  ]
  return limits.sort((a, b) => a.websites - b.websites)
}
