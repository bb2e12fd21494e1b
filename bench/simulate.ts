/** `npm run simulate`: what so many websites take, from the unit costs in bench/capacity/costs.yaml. */
import { parseArgs } from 'node:util'
import { readCosts, withSettings } from './capacity/costs.ts'
import { limitsOf } from './capacity/limits.ts'
import { capacityOf, type Load } from './capacity/model.ts'
import { capacityTable, costsTable, limitsTable } from './capacity/tables.ts'

const help = `usage: npm run simulate -- [--websites N,...] [--interval S,...] [--set NAME=VALUE]... [--costs]

What so many websites take: producers, brokers, consumers, database and network, and which limit they hit first.
Nothing is measured: the unit costs are in bench/capacity/costs.yaml, with where each comes from.

  --websites N,...   how many; several are shown side by side. By default 10000,1000000,100000000
  --interval S,...   seconds between two checks of a website, one for all or one for each. By default 30,60,300
  --set NAME=VALUE   a unit cost of your own, as often as you like: --set check_https=400
  --costs            shows the unit costs
  --help             shows this
`

try {
  process.stdout.write(answer())
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${help}`)
  process.exitCode = 2
}

function answer(): string {
  const { values } = parseArgs({
    options: {
      websites: { type: 'string', default: '10000,1000000,100000000' },
      interval: { type: 'string', default: '30,60,300' },
      set: { type: 'string', multiple: true, default: [] },
      costs: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return help
  const costs = withSettings(readCosts(), values.set)
  if (values.costs) return `${costsTable(costs)}\n`
  const capacities = loads(values.websites, values.interval).map((load) => capacityOf(load, costs))
  const limits = capacities.map((capacity) => {
    const { websites, intervalSeconds } = capacity.load
    const heading = `${websites.toLocaleString('en')} websites every ${intervalSeconds} s`
    return `\n${heading}:\n\n${limitsTable(capacity, limitsOf(intervalSeconds, costs))}\n`
  })
  return `${capacityTable(capacities)}\n${limits.join('')}`
}

function loads(websites: string, interval: string): Load[] {
  const amounts = numbers('--websites', websites)
  const intervals = numbers('--interval', interval)
  // The usual intervals belong to the usual sizes.
  if (intervals.length !== 1 && intervals.length !== amounts.length) {
    throw new Error(`--interval ${interval}: expected one, or ${amounts.length}, as many as --websites has`)
  }
  return amounts.map((amount, n) => ({
    websites: amount,
    intervalSeconds: (intervals.length === 1 ? intervals[0] : intervals[n]) as number,
  }))
}

function numbers(option: string, text: string): number[] {
  const found = text.split(',').map(Number)
  const wrong = found.find((number) => !(number >= 1 && Number.isSafeInteger(number)))
  if (wrong !== undefined) throw new Error(`${option} ${text}: expected whole numbers from 1 on, parted by commas`)
  return found
}
