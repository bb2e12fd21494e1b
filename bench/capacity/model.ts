import { type Costs, costOf } from './costs.ts'

/** Websites that are to be watched, each once in the interval. */
export interface Load {
  readonly websites: number
  readonly intervalSeconds: number
}

/** What the load takes. Rates are a second's, `cores` are those in use in the mean, sizes are in bytes. */
export interface Capacity {
  readonly load: Load
  readonly checks: number
  /**
   * A webmon is a database, a topic, and the processes that share its list. Websites beyond what one can hold are given
   * to another one, which knows nothing of the first.
   */
  readonly webmons: number
  readonly producers: number
  readonly producerCores: number
  /** Of the producer with the most shards, as long as it checks. */
  readonly busiestProducer: number
  readonly checksAtOnce: number
  readonly producerBytes: number
  readonly listCores: number
  readonly handshakeCores: number
  readonly dnsQueries: number
  readonly receivedBytes: number
  readonly messageBytes: number
  readonly topicBytes: number
  readonly brokers: number
  readonly brokerCores: number
  readonly partitions: number
  readonly consumers: number
  readonly consumerCores: number
  readonly databaseCores: number
  readonly databaseBytesADay: number
  readonly databaseBytes: number
  readonly walBytes: number
}

const daySeconds = 86_400
const tera = 1e12
const mega = 1e6
/** Brokers that a topic with three replicas needs, and partitions that webmon makes. */
const leastPartitions = 6

/** What so many websites take, by these costs. */
export function capacityOf(load: Load, costs: Costs): Capacity {
  const cost = (name: string) => costOf(costs, name)
  const { websites, intervalSeconds } = load
  const checks = websites / intervalSeconds
  const checkSeconds = secondsOfCheck(costs)
  const databaseBytes = diskOf(load, costs)
  const mostProducers = cost('shards')
  const perProducer = cost('headroom') / checkSeconds
  const webmons = Math.max(
    ceil(checks / (cost('consumer_rate') * cost('headroom'))),
    ceil(databaseBytes / (cost('database_disk') * tera)),
    ceil(checks / (mostProducers * perProducer)),
  )
  const producersEach = producersFor(checks / webmons / perProducer, mostProducers)
  const producers = producersEach * webmons
  const rowsEach = checks / webmons
  const consumersEach = ceil((rowsEach * micro(cost('consumer_row'))) / cost('headroom'))
  const messageBytes = checks * cost('message')
  const topicBytes = messageBytes * cost('replicas') * cost('topic_days') * daySeconds
  const partitions = webmons * Math.max(leastPartitions, consumersEach * cost('consumer_threads'))
  const brokerCores = checks * micro(cost('broker_message')) * cost('replicas')
  const listed = websites / cost('list_interval')
  return {
    load,
    checks,
    webmons,
    producers,
    producerCores: checks * checkSeconds,
    busiestProducer: (ceil(mostProducers / producersEach) / mostProducers) * rowsEach * checkSeconds,
    checksAtOnce: checks * cost('seconds_per_check'),
    producerBytes: producers * cost('producer_memory') * mega + websites * cost('website_memory') * 1e3,
    listCores: listed * micro(cost('website_reading')) + listed * producersEach * micro(cost('website_listing')),
    handshakeCores: checks * cost('https_share') * micro(cost('check_https') - cost('check_http')),
    dnsQueries: checks * cost('dns_queries'),
    receivedBytes: checks * (cost('page') + cost('https_share') * cost('https_overhead')),
    messageBytes,
    topicBytes,
    brokers: Math.max(
      cost('replicas'),
      ceil(topicBytes / (cost('broker_disk') * tera)),
      ceil(messageBytes / (cost('broker_rate') * mega * cost('headroom'))),
      ceil((partitions * cost('replicas')) / cost('broker_partitions')),
    ),
    brokerCores,
    partitions,
    consumers: consumersEach * webmons,
    consumerCores: checks * micro(cost('consumer_row')),
    databaseCores: checks * micro(cost('server_row')),
    databaseBytesADay: bytesADay(load, costs),
    databaseBytes,
    walBytes: checks * cost('wal_row'),
  }
}

/** Of a core, in the mean of HTTP and HTTPS. */
export function secondsOfCheck(costs: Costs): number {
  const share = costOf(costs, 'https_share')
  return micro(share * costOf(costs, 'check_https') + (1 - share) * costOf(costs, 'check_http'))
}

/** With all days that are kept. */
export function diskOf(load: Load, costs: Costs): number {
  const { entries, hours, days } = rowBytesADay(load, costs)
  const kept = (name: string) => costOf(costs, name)
  return entries * kept('entry_days') + hours * kept('hour_days') + days * kept('day_days')
}

/** Shards are given out whole: the producer that gets one more than another decides. */
function producersFor(shares: number, mostProducers: number): number {
  let producers = Math.max(1, ceil(shares))
  while (producers < mostProducers && (ceil(mostProducers / producers) / mostProducers) * shares > 1) producers++
  return Math.min(producers, mostProducers)
}

function bytesADay(load: Load, costs: Costs): number {
  const { entries, hours, days } = rowBytesADay(load, costs)
  return entries + hours + days
}

function rowBytesADay({ websites, intervalSeconds }: Load, costs: Costs) {
  const checksADay = daySeconds / intervalSeconds
  return {
    entries: websites * checksADay * costOf(costs, 'entry_row'),
    hours: websites * Math.min(24, checksADay) * costOf(costs, 'hour_row'),
    days: websites * costOf(costs, 'day_row'),
  }
}

function micro(us: number): number {
  return us / 1e6
}

/** Past what floating point makes of a whole number. */
function ceil(value: number): number {
  return Math.max(1, Math.ceil(value - 1e-9))
}
