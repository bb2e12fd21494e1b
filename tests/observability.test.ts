import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../local/ports.ts'
import { hasProgram } from './helpers/programs.ts'
import { deployFolder, Prometheus } from './helpers/prometheus.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { createStack, type Stack } from './helpers/stack.ts'
import { publish } from './helpers/topic.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

const read = (name: string) => readFileSync(path.join(deployFolder, name), 'utf8')

interface Rule {
  readonly alert: string
  readonly expr: string
}

function rules(): Rule[] {
  const { groups } = load(read('prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }
  return groups.flatMap((group) => group.rules)
}

/** With a comparison that says 0 or 1 in place of nothing or something: what is compared has to be there. */
const withoutFilter = (query: string) => query.replace(/(==|<|>)(?=\s)/g, '$1 bool')

interface Panel {
  readonly title: string
  readonly targets?: { readonly expr: string }[]
}

function dashboardQueries(): [string, string][] {
  const { panels } = JSON.parse(read('grafana/dashboards/webmon.json')) as { panels: Panel[] }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }): [string, string] => [title, expr.replaceAll('$__rate_interval', '1m')]),
  )
}

it('the files of Grafana and of compose fit together', () => {
  const { datasources } = load(read('grafana/provisioning/datasources/prometheus.yml')) as {
    datasources: { uid: string; url: string }[]
  }
  const asked = read('grafana/dashboards/webmon.json').match(/(?<="uid": ")webmon-[^"]+/g)
  expect(new Set(asked)).toEqual(new Set(datasources.map(({ uid }) => uid)))
  const { services } = load(read('../docker-compose.observability.yml')) as {
    services: Record<string, { volumes: string[] }>
  }
  for (const { url } of datasources) expect(Object.keys(services)).toContain(new URL(url).hostname)
  const mounted = Object.values(services).flatMap(({ volumes }) => volumes.filter((volume) => volume.startsWith('./')))
  expect(mounted).toHaveLength(3)
  for (const volume of mounted)
    expect(existsSync(path.join(deployFolder, '..', volume.split(':')[0] as string))).toBe(true)
  const { providers } = load(read('grafana/provisioning/dashboards/webmon.yml')) as {
    providers: { options: { path: string } }[]
  }
  for (const { options } of providers) expect(mounted).toContain(`./deploy/grafana/dashboards:${options.path}:ro`)
})

describe.skipIf(!hasProgram('promtool'))('promtool', () => {
  const promtool = (...args: string[]) =>
    execFileSync('promtool', args, { cwd: path.join(deployFolder, 'prometheus'), encoding: 'utf8', stdio: 'pipe' })

  it('finds the configuration and the rules right', () => {
    expect(promtool('check', 'config', 'prometheus.yml')).toContain('1 rule files found')
    expect(promtool('check', 'rules', 'alerts.yml')).toContain(`${rules().length} rules found`)
  })

  it('finds that the alerts fire when they should, and only then', () => {
    expect(promtool('test', 'rules', 'alerts.test.yml')).toContain('SUCCESS')
    for (const { alert } of rules()) expect(read('prometheus/alerts.test.yml')).toContain(alert)
  })
})

describe.skipIf(!hasProgram('prometheus'))('a real Prometheus, on both services,', () => {
  let stack: Stack
  let websites: Websites
  let prometheus: Prometheus
  beforeAll(async () => {
    ;[stack, websites] = await Promise.all([createStack(), startWebsites()])
    const [producer, consumer] = [await freePort(), await freePort()]
    const env = {
      ...stack.env,
      WEBMON_PRODUCER_HTTP_PORT: String(producer),
      WEBMON_CONSUMER_HTTP_PORT: String(consumer),
    }
    await new Service('consumer', env).logged(/^joined the group$/)
    await stack.pool.query('DELETE FROM website')
    await stack.pool.query(
      "INSERT INTO website (name, url) SELECT 'website ' || n, unnest($1::varchar[]) FROM generate_series(1, 5) AS n",
      [[websites.urlOf('/hello'), websites.urlOf('http://127.0.0.1:CLOSED/')]],
    )
    await new Service('producer', env).logged(/^started$/)
    prometheus = await Prometheus.start({ 'webmon-producer': producer, 'webmon-consumer': consumer })
    // For the panel of dead letters: until their increase has been seen.
    let number = 0
    await until(async () => {
      await publish(stack, [`no message ${number++}`])
      return (await prometheus.query('sum(rate(webmon_dead_letters_total[1m])) > 0')).length > 0
    })
  })
  afterAll(async () => {
    await prometheus?.stop()
    await stopServices()
    await websites.stop()
    await stack.stop()
  })

  const givesData = (query: string) =>
    until(
      async () => (await prometheus.query(query)).some(Number.isFinite),
      20_000,
      () => `a value of ${query}`,
    )

  it.each(dashboardQueries())('has data for the panel %s: %s', (_, query) => givesData(query).then(() => undefined))

  it.each(rules().map(({ alert, expr }): [string, string] => [alert, expr]))('has data for the alert %s', (_, expr) =>
    givesData(withoutFilter(expr)).then(() => undefined),
  )
})
