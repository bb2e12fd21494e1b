import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Authority } from '../local/certificates.ts'
import { parseDatabaseUrl, withClient } from '../local/databaseAddress.ts'
import type { State } from '../local/state.ts'
import { readConfig } from '../src/config.ts'
import { DiskStore } from '../src/spool/diskStore.ts'
import { commandsOf, fencedBlocks } from './helpers/fencedBlocks.ts'
import { type FreshClone, freshClone } from './helpers/freshClone.ts'
import { type NameServer, startNameServer } from './helpers/nameServer.ts'
import { until } from './helpers/services.ts'
import { ShellCommand } from './helpers/shellCommand.ts'
import { createStack, databaseEnv, type Stack } from './helpers/stack.ts'
import { silent } from './helpers/storing.ts'
import { type Ran, webmon } from './helpers/webmon.ts'

/** Commands of the README that cannot run here, and why: the form of each is looked at all the same. */
const formAlone: Readonly<Record<string, string>> = {
  'docker-compose -f docker-compose.yml -f docker-compose.override.yml -f docker-compose.observability.yml up':
    'needs a Docker engine',
  'docker-compose up': 'needs a Docker engine',
  'docker-compose down': 'needs a Docker engine',
  'docker-compose -f docker-compose.yml up': 'needs a Docker engine',
  'docker build . -t webmon:1.0': 'needs a Docker engine',
  'docker run --rm -d --name webmon-consumer webmon:1.0 node dist/consumer.js': 'needs a Docker engine',
  'docker run --rm -d --name webmon-producer -v webmon-spool:/webmon/data/spool webmon:1.0 node dist/producer.js':
    'needs a Docker engine',
  './test.sh': 'runs this test',
  './test.sh tests/check.test.ts': 'runs the tests',
  './build.sh': 'needs a Docker engine, and runs the tests',
  'npm run chaos -- --minutes 10': 'takes ten minutes; tests/chaos.test.ts runs it for less',
  'npm run producers -- --minutes 2': 'takes minutes; tests/producers.test.ts runs it for less',
  'npm run fuzz -- --runs 1000000': 'takes minutes; tests/fuzz.test.ts runs it for less',
  'npm run record > tests/data/messages-1.0.0.jsonl':
    'writes what tests/recordedMessages.test.ts reads, and is not to be repeated',
  'npm run simulate': 'tests/capacity.test.ts runs it',
  'npm run screenshots': 'needs Chromium; tests/browser.test.ts looks at the same pages',
  'npm run bench:check': 'measures, for minutes',
}

/** Blocks of the README that are no commands: what is shown, and looked at here. */
const shown = ['timestamp  ', 'flowchart LR', 'flowchart LR', '30 checks in 30 s', '$ webmon check ']

const blocks = fencedBlocks('README.md')
const ran: string[] = []

/** A command, which the README has to have. */
function documented(command: string): string {
  expect(commandsOf('README.md')).toContain(command)
  ran.push(command)
  return command
}

/** The one block of this language. */
function block(language: string, start = ''): string {
  const found = blocks.filter((block) => block.language === language && block.text.startsWith(start))
  expect(found).toHaveLength(1)
  return found[0]?.text as string
}

let clone: FreshClone
let nameServer: NameServer
let shop: Server
let shopUrl: string
let trust: Record<string, string>
let environment: Record<string, string>

beforeAll(async () => {
  clone = freshClone()
  // The sample websites are not asked from here: their names do not exist.
  nameServer = await startNameServer()
  const authority = await Authority.create('my authority')
  const file = path.join(clone.folder, 'ca.pem')
  writeFileSync(file, authority.cert)
  trust = { NODE_EXTRA_CA_CERTS: file }
  shop = createServer(await authority.issue({ hosts: ['127.0.0.1'] }), (_, response) => {
    response.end('<h1>Welcome to my shop</h1>')
  })
  shop.listen(0, '127.0.0.1')
  await once(shop, 'listening')
  shopUrl = `https://127.0.0.1:${(shop.address() as AddressInfo).port}/`
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('WEBMON_'))
  environment = {
    ...Object.fromEntries(inherited as [string, string][]),
    ...trust,
    // Where there is a Docker engine: it does not answer.
    DOCKER_HOST: 'unix:///nonexistent/docker.sock',
    WEBMON_MONITORING_NAMESERVERS: nameServer.address,
    WEBMON_MONITORING_INTERVAL: '2',
  }
})

afterAll(async () => {
  await nameServer?.stop()
  shop?.close()
  shop?.closeAllConnections()
  clone?.remove()
})

/** In the clone, and with what all of this is to have in its environment. */
function start(command: string, { cwd = clone.folder, env = {} as Record<string, string> } = {}): ShellCommand {
  return new ShellCommand(command, { cwd, env: { ...environment, ...env } })
}

async function outputOf(command: string, options = {}): Promise<string> {
  const started = start(command, options)
  expect(await started.ended, started.output).toBe(0)
  return started.output
}

/** What `make local` tells of itself, as the environment of `webmon`. */
function local(): { env: Record<string, string>; database: ReturnType<typeof parseDatabaseUrl> } {
  const state = JSON.parse(readFileSync(path.join(clone.folder, 'data/local/state.json'), 'utf8')) as State
  const database = parseDatabaseUrl(state.database as string)
  const env = {
    ...databaseEnv(database),
    ...trust,
    WEBMON_KAFKA_SERVER: '127.0.0.1',
    WEBMON_KAFKA_PORT: String(state.ports.kafka),
    WEBMON_CONFIG_FILE: path.join(clone.folder, 'config.yaml'),
  }
  return { env, database }
}

const newestRows = () => outputOf('make rows')
/** The words of a table's first column, or of its header. */
const words = (line: string | undefined) => line?.trim().split(/\s\s+/)

describe('the README, in a fresh clone,', () => {
  let run: ShellCommand
  afterAll(async () => {
    await run?.interrupt()
  })

  it('starts everything with make run, and make rows shows the results as it says', async () => {
    run = start(documented('make run'))
    await run.says(/No Docker engine with compose answers here, so this is "make local":/)
    await run.says(/first check stored after/)
    await until(async () => {
      const rows = await newestRows()
      return rows.includes('No such host') && rows.includes('Example')
    })
    const rows = (await newestRows()).split('\n')
    const [header, example, missing] = block('', 'timestamp').split('\n')
    expect(words(rows[0])).toEqual(words(header))
    const failed = rows.find((row) => row.includes('No such host'))
    // Without the two columns that are different each time.
    const lasting = (row: string | undefined) => words(row)?.filter((_, column) => column !== 0 && column !== 3)
    expect(lasting(failed)).toEqual(lasting(missing))
    expect(words(example)?.[1]).toBe('Example')
    expect(rows.join('\n')).toContain('Example')
  })

  it('adds a website by SQL, whose first result comes', async () => {
    const sql = block('sql')
    expect(sql).toContain('https://my.example/')
    await withClient(local().database, (client) => client.query(sql.replace('https://my.example/', shopUrl)))
    await until(async () => / Mine +200 +\d+ +t$/m.test(await newestRows()))
  })

  it('lists the websites', async () => {
    const command = documented('docker-compose exec webmon-producer webmon website list')
    const { services } = load(readFileSync(path.join(clone.folder, 'docker-compose.yml'), 'utf8')) as {
      services: object
    }
    expect(Object.keys(services)).toContain(command.split(' ')[2])
    const { code, out } = await inClone(command.split(' webmon ')[1] as string)
    expect(code).toBe(0)
    expect(out).toMatch(/^Mine +active /m)
    expect(out).toMatch(/^No such host +unavailable /m)
  })

  it('imports the websites of its YAML, and once more nothing changes', async () => {
    writeFileSync(
      path.join(clone.folder, 'websites.yaml'),
      block('yaml', 'websites:').replace('https://my.example/', shopUrl),
    )
    expect((await inClone('website import websites.yaml')).code).toBe(0)
    const shownMine = (await inClone('website show Mine')).out
    expect(shownMine).toContain('Authorization')
    expect(shownMine).toContain('customer')
    const { code, out } = await inClone('website import websites.yaml --dry-run')
    expect(code).toBe(0)
    expect(out).toBe('would be: 0 added, 0 changed, 0 removed, 1 unchanged\n')
  })

  it('takes the receivers of its YAML', () => {
    const file = path.join(clone.folder, 'alerting.yaml')
    writeFileSync(file, readFileSync(path.join(clone.folder, 'config.yaml'), 'utf8') + block('yaml', 'alerts:'), {
      mode: 0o600,
    })
    const { config, warnings } = readConfig({ WEBMON_CONFIG_FILE: file })
    expect(config.alerts.receivers.map(({ name }) => name)).toEqual(['ops', 'customers'])
    expect(warnings).toEqual([])
  })

  it('checks a website once, and says of it what is shown', async () => {
    const [command = '', ...lines] = block('', '$ webmon check').trimEnd().split('\n')
    const [, args = ''] = /^\$ webmon (.*)$/.exec(command) ?? []
    expect(args).toContain('https://my.example/')
    const { code, out } = await inClone(args.replace('https://my.example/', shopUrl).replaceAll("'", ''))
    expect(code).toBe(0)
    const labels = (text: string[]) => text.map((line) => words(line)?.[0])
    expect(labels(out.trimEnd().split('\n'))).toEqual(labels(lines))
    expect(out).toMatch(/^regex +found at character 4: <h1>\[Welcome\] to my shop/m)
  })

  it('has the data at the next start, make local, after Ctrl-C', async () => {
    await run.interrupt()
    expect(run.output).toContain('all stopped')
    run = start(documented('make local'))
    await run.says(/Ctrl-C ends all of it/)
    expect(await newestRows()).toMatch(/ Mine +200 /)
    await run.interrupt()
    expect(run.output).toContain('all stopped')
  })
})

function inClone(args: string): Promise<Ran> {
  return webmon(args.split(' '), local().env, { cwd: clone.folder })
}

describe('the README', () => {
  let stack: Stack
  beforeAll(async () => {
    stack = await createStack()
  })
  afterAll(() => stack.stop())

  it.each(['node dist/consumer.js', 'node dist/producer.js', 'node dist/run.js'])(
    'runs a service by itself: %s',
    async (command) => {
      const env = {
        ...stack.env,
        WEBMON_PRODUCER_HTTP_PORT: '0',
        WEBMON_CONSUMER_HTTP_PORT: '0',
        WEBMON_CONFIG_FILE: 'config.yaml',
      }
      const service = start(`exec ${documented(command)}`, { env })
      await service.says(/"msg":"(checking 6 websites|joined the group)"/)
      await service.interrupt()
      expect(await service.ended).toBe(0)
    },
  )

  it('repairs a damaged spool as it says', async () => {
    const folder = path.join(clone.folder, 'repair')
    const spool = path.join(folder, 'data/spool/1')
    mkdirSync(spool, { recursive: true })
    symlinkSync(path.join(clone.folder, 'node_modules'), path.join(folder, 'node_modules'))
    const { store } = await DiskStore.open(spool, silent)
    await store.write(
      [1, 2, 3].map((sequence) => ({ sequence, key: 'key', value: `value ${sequence}`, bytes: 22 })),
      [],
    )
    await store.close()
    const manifest = readdirSync(spool).find((name) => name.startsWith('MANIFEST-')) as string
    writeFileSync(path.join(spool, manifest), 'not what LevelDB has written')
    await expect(DiskStore.open(spool, silent)).rejects.toThrow(/is damaged/)
    const repair = block('bash', 'mv data/spool/1')
    for (const line of repair.trimEnd().split('\n')) documented(line)
    expect(await outputOf(repair, { cwd: folder })).toContain('repaired')
    const repaired = await DiskStore.open(path.join(folder, 'data/spool/101'), silent)
    await repaired.store.close()
    expect(repaired.contents.entries).toBe(3)
    expect(existsSync(path.join(folder, 'data/spool.damaged', manifest))).toBe(true)
  })

  it('names files, images and scripts that there are, where a command cannot run here', () => {
    const scripts = JSON.parse(readFileSync(path.join(clone.folder, 'package.json'), 'utf8')).scripts
    const dockerfile = readFileSync(path.join(clone.folder, 'Dockerfile'), 'utf8')
    const [, image] =
      /^ +image: (webmon:\S+)$/m.exec(readFileSync(path.join(clone.folder, 'docker-compose.yml'), 'utf8')) ?? []
    for (const command of Object.keys(formAlone)) {
      const parts = command.split(' ')
      for (const part of parts.filter((part) => /\.(yml|ts|js|sh)$/.test(part) && !part.startsWith('dist/'))) {
        expect(existsSync(path.join(clone.folder, part)), command).toBe(true)
      }
      for (const [, program] of command.matchAll(/node dist\/(\w+)\.js/g)) {
        expect(existsSync(path.join(clone.folder, `src/${program}.ts`)), command).toBe(true)
      }
      for (const named of parts.filter((part) => part.startsWith('webmon:'))) expect(named).toBe(image)
      for (const [, folder] of command.matchAll(/-v [\w-]+:\/webmon\/(\S+)/g)) {
        expect(dockerfile).toContain(`mkdir -p ${folder}`)
      }
      if (parts[0] === 'npm') expect(Object.keys(scripts)).toContain(parts[2])
      if (parts[0] === './build.sh') expect(dockerfile).toContain('FROM')
    }
  })

  it('has no command that is neither run nor listed here with the reason, and no other block', () => {
    expect([...new Set([...ran, ...Object.keys(formAlone)])].sort()).toEqual(
      [...new Set(commandsOf('README.md'))].sort(),
    )
    const others = blocks.filter(({ language }) => !['bash', 'sql', 'yaml'].includes(language))
    expect(others).toHaveLength(shown.length)
    for (const [n, { text }] of others.entries()) expect(text.startsWith(shown[n] as string), text).toBe(true)
  })
})
