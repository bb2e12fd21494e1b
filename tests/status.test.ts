import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type LocalKafka, startKafka } from '../local/kafka.ts'
import { freePort } from '../local/ports.ts'
import { type LocalPostgres, startPostgres } from '../local/postgres.ts'
import { Service, stopServices, until } from './helpers/services.ts'
import { databaseEnv, openPool } from './helpers/stackEnv.ts'
import { statusOf } from './helpers/status.ts'
import { startWebsites, type Websites } from './helpers/websites.ts'

// A Kafka and a PostgreSQL of its own: they are taken away here.
let kafka: LocalKafka
let postgres: LocalPostgres
let websites: Websites
let env: Record<string, string>
let ports: { producer: number; consumer: number }
beforeAll(async () => {
  ;[kafka, postgres, websites] = await Promise.all([startKafka(), startPostgres({ unsafe: true }), startWebsites()])
  ports = { producer: await freePort(), consumer: await freePort() }
  env = {
    ...databaseEnv(postgres.database),
    WEBMON_KAFKA_SERVER: kafka.host,
    WEBMON_KAFKA_PORT: String(kafka.port),
    WEBMON_KAFKA_TOPIC: 'webmon',
    WEBMON_KAFKA_CONSUMER_GROUP: 'webmon',
    WEBMON_PRODUCER_HTTP_PORT: String(ports.producer),
    WEBMON_CONSUMER_HTTP_PORT: String(ports.consumer),
  }
})
afterEach(stopServices)
afterAll(async () => {
  await Promise.all([kafka.stop(), postgres.stop(), websites.stop()])
})

/** Waits until a service is ready, or is not because of this part, while it is alive all the time. */
async function untilReady(name: keyof typeof ports, trouble: Record<string, RegExp> = {}): Promise<void> {
  let last: unknown
  await until(
    async () => {
      const { code, status, parts } = await statusOf(ports[name], '/readyz')
      last = parts
      expect(status).toBe(code === 200 ? 'ready' : 'not ready')
      expect(Object.values(parts).every((words) => words === 'ok')).toBe(code === 200)
      expect(await statusOf(ports[name], '/healthz')).toMatchObject({ code: 200, status: 'alive' })
      const expected = Object.entries(parts).every(([part, words]) => (trouble[part] ?? /^ok$/).test(words))
      return expected && (code === 200) === (Object.keys(trouble).length === 0)
    },
    40_000,
    () => `${name} to have ${JSON.stringify(Object.keys(trouble))} in trouble; it says ${JSON.stringify(last)}`,
  )
}

async function start(): Promise<void> {
  await new Service('consumer', env).logged(/^started$/)
  const pool = openPool(postgres.database)
  await pool.query('UPDATE website SET url = $1', [`${websites.url}/hello`])
  await pool.end()
  await new Service('producer', env).logged(/^started$/)
}

const healthcheck = () =>
  promisify(execFile)(process.execPath, ['dist/healthcheck.js'], {
    env: { ...process.env, WEBMON_CONFIG_FILE: 'tests/data/services.yaml', ...env },
  }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
  )

const away = /ECONNREFUSED|terminat|closed|timeout|no answer|Connection|shut/i

describe('a service', () => {
  it('is ready while it is connected and works', async () => {
    await start()
    await untilReady('producer')
    await untilReady('consumer')
    const { parts } = await statusOf(ports.producer, '/readyz')
    expect(Object.keys(parts).sort()).toEqual(['database', 'kafka', 'spool', 'start'])
    expect(Object.keys((await statusOf(ports.consumer, '/readyz')).parts).sort()).toEqual([
      'database',
      'kafka',
      'start',
      'storing',
    ])
    expect(Object.keys((await statusOf(ports.producer, '/healthz')).parts)).toEqual(['schedule'])
    expect(await healthcheck()).toEqual({ code: 0, stdout: 'producer: ready, consumer: ready\n' })
  })

  it('is not ready without its database, says so, and is ready again afterwards', async () => {
    await start()
    await untilReady('consumer')
    await postgres.kill()
    await untilReady('producer', { database: away })
    await untilReady('consumer', { database: away, storing: away })
    const { code, stdout } = await healthcheck()
    expect(code).toBe(1)
    expect(stdout).toMatch(/^producer: not ready: \{.*"database":".+consumer: not ready: \{/)
    await postgres.start()
    await untilReady('producer')
    await untilReady('consumer')
  }, 180_000)

  it('is not ready without its broker, says so, and is ready again afterwards', async () => {
    await start()
    await untilReady('consumer')
    await kafka.kill()
    // kafkajs reports a batch that it was sending at once, or when it has its connection back: it depends on the moment.
    await untilReady('producer', { kafka: /^publishing failed: |^no acknowledgement for \d+ s$/ })
    await untilReady('consumer', { kafka: /^no heartbeat was answered for \d+ s$|^not in the group yet$/ })
    await kafka.start()
    await untilReady('producer')
    await untilReady('consumer')
  }, 180_000)

  it('is alive and not ready while it waits for its servers at the start', async () => {
    const closed = String(await freePort())
    const waiting = new Service('consumer', { ...env, WEBMON_KAFKA_PORT: closed })
    await waiting.logged(/^preparing the topic/)
    await untilReady('consumer', { start: /^starting$/, kafka: /^not in the group yet$/ })
    expect((await healthcheck()).code).toBe(1)
  })

  it('answers to nothing else, and only to GET and HEAD', async () => {
    await new Service('consumer', env).logged(/^started$/)
    const url = `http://127.0.0.1:${ports.consumer}`
    expect((await fetch(`${url}/other`)).status).toBe(404)
    expect((await fetch(`${url}/healthz`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${url}/healthz?from=probe`, { method: 'HEAD' })).status).toBe(200)
  })

  it('tells only whether it is well without the login that is configured', async () => {
    const login = { WEBMON_CONSUMER_HTTP_USER: 'ann', WEBMON_CONSUMER_HTTP_PASSWORD: 'a:b' }
    await new Service('consumer', { ...env, ...login }).logged(/^started$/)
    const ask = async (path: string, login?: string) => {
      const headers = login === undefined ? {} : { authorization: `Basic ${btoa(login)}` }
      return await fetch(`http://127.0.0.1:${ports.consumer}${path}`, { headers })
    }
    for (const path of ['/healthz', '/readyz']) expect((await ask(path)).status).not.toBe(401)
    for (const path of ['/', '/metrics', '/api/websites', '/assets/page.css', '/badge/x.svg', '/other', '//healthz']) {
      const refused = await ask(path)
      expect({ path, status: refused.status }).toEqual({ path, status: 401 })
      expect(refused.headers.get('www-authenticate')).toMatch(/^Basic realm=/)
      for (const wrong of ['ann:', 'ann:a', 'ann:a:bb', ':', 'bob:a:b'])
        expect((await ask(path, wrong)).status).toBe(401)
    }
    for (const path of ['/', '/metrics']) expect((await ask(path, 'ann:a:b')).status).toBe(200)
  })
})
