import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { load, loadAll } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'
import { hasProgram } from './helpers/programs.ts'
import { deployFolder } from './helpers/prometheus.ts'

const project = path.join(deployFolder, '..')
const read = (name: string) => readFileSync(path.join(project, name), 'utf8')
const services = ['producer', 'consumer'] as const
const ports = { producer: 9464, consumer: 9465 }
/** `docker-compose.yml` says so, and the README: a stop takes up to 8 s. */
const stopSeconds = 20

describe('systemd', () => {
  /** The values of each setting, in their order. */
  function settings(unit: string): Map<string, string[]> {
    const found = new Map<string, string[]>()
    for (const [, key = '', value = ''] of unit.matchAll(/^([A-Za-z]+)=(.*)$/gm)) {
      found.set(key, [...(found.get(key) ?? []), value])
    }
    return found
  }

  it.each(services)('starts the %s again unless its configuration is wrong, and lets it stop', (name) => {
    const unit = settings(read(`deploy/systemd/webmon-${name}.service`))
    expect(unit.get('ExecStart')).toEqual([`/usr/bin/node dist/${name}.js`])
    expect(existsSync(path.join(project, `src/${name}.ts`))).toBe(true)
    expect(unit.get('Restart')).toEqual(['on-failure'])
    expect(unit.get('RestartPreventExitStatus')).toEqual(['2'])
    expect(unit.get('TimeoutStopSec')).toEqual([String(stopSeconds)])
    expect(unit.get('DynamicUser')).toEqual(['yes'])
    // What it sets has to be what webmon knows.
    const file = path.join(project, 'config.yaml')
    const environment = Object.fromEntries((unit.get('Environment') ?? []).map((set) => set.split('=')))
    expect(Object.keys(environment)).toContain('WEBMON_DATABASE_PASSWORD_FILE')
    const folder = mkdtempSync(path.join(tmpdir(), 'webmon-units-'))
    try {
      const secret = path.join(folder, 'password')
      writeFileSync(secret, 'secret', { mode: 0o600 })
      const files = { WEBMON_CONFIG_FILE: file, WEBMON_DATABASE_PASSWORD_FILE: secret }
      expect(readConfig({ ...environment, ...files }).warnings).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('keeps the spool where the producer may write, and a restart finds it', () => {
    const unit = settings(read('deploy/systemd/webmon-producer.service'))
    const [folder] = unit.get('StateDirectory') as string[]
    expect(unit.get('Environment')).toContain(`WEBMON_PRODUCER_SPOOL_PATH=%S/${folder}/spool`)
  })

  describe.skipIf(!hasProgram('systemd-analyze'))('systemd-analyze', () => {
    let folder: string
    beforeAll(() => {
      folder = mkdtempSync(path.join(tmpdir(), 'webmon-units-'))
    })
    afterAll(() => rmSync(folder, { recursive: true }))

    it.each(services)('finds the unit of the %s right, and closed', (name) => {
      // It looks for the program, which is elsewhere here.
      const unit = read(`deploy/systemd/webmon-${name}.service`).replace('/usr/bin/node', process.execPath)
      const file = path.join(folder, `webmon-${name}.service`)
      writeFileSync(file, unit)
      const analyze = (...args: string[]) => spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' })
      // What it does not know is a warning, and no failure.
      const { status, stderr } = analyze('verify')
      expect([status, stderr.split('\n').filter((line) => line.includes(`webmon-${name}`))]).toEqual([0, []])
      // Tenths; systemd calls 20 and less well.
      expect(analyze('security', '--offline=true', '--threshold=20').status).toBe(0)
    })
  })
})

interface Container {
  readonly image: string
  readonly command: string[]
  readonly env: { name: string; value: string }[]
  readonly ports: { containerPort: number }[]
  readonly livenessProbe: { httpGet: { path: string; port: string } }
  readonly readinessProbe: { httpGet: { path: string; port: string } }
  readonly securityContext: Record<string, unknown>
  readonly volumeMounts: { name: string; mountPath: string }[]
}

interface Manifest {
  readonly kind: string
  readonly metadata: { name: string }
  readonly data?: Record<string, string>
  readonly spec: {
    readonly replicas: number
    readonly selector: { matchLabels: object }
    readonly volumeClaimTemplates?: { metadata: { name: string } }[]
    readonly template: {
      readonly metadata: { labels: object }
      readonly spec: {
        readonly terminationGracePeriodSeconds: number
        readonly enableServiceLinks: boolean
        readonly securityContext: Record<string, unknown>
        readonly containers: Container[]
        readonly volumes: { name: string }[]
      }
    }
    readonly ports?: { port: number }[]
  }
}

describe('Kubernetes', () => {
  const manifests = loadAll(read('deploy/kubernetes/webmon.yaml')) as Manifest[]
  const find = (kind: string, name: string) =>
    manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name) as Manifest
  const workload = (name: (typeof services)[number]) =>
    find(name === 'producer' ? 'StatefulSet' : 'Deployment', `webmon-${name}`)

  it('has a producer that keeps its spool', () => {
    const { spec } = workload('producer')
    expect(spec.replicas).toBe(1)
    const [container] = spec.template.spec.containers as [Container]
    const [{ metadata }] = spec.volumeClaimTemplates as [{ metadata: { name: string } }]
    const mount = container.volumeMounts.find(({ name }) => name === metadata.name)
    const spool = container.env.find(({ name }) => name === 'WEBMON_PRODUCER_SPOOL_PATH')
    expect(path.dirname(spool?.value as string)).toBe(mount?.mountPath)
  })

  it.each(services)('asks the %s where it answers, and closes it in as compose does', (name) => {
    const { template, selector } = workload(name).spec
    expect(template.metadata.labels).toEqual(selector.matchLabels)
    const { containers, securityContext, volumes, ...pod } = template.spec
    expect(pod).toMatchObject({ terminationGracePeriodSeconds: stopSeconds, enableServiceLinks: false })
    expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 })
    expect(containers).toHaveLength(1)
    const [container] = containers as [Container]
    expect(container.command).toEqual(['node', `dist/${name}.js`])
    expect(container.ports.map(({ containerPort }) => containerPort)).toEqual([ports[name]])
    expect(read('README.md')).toMatch(
      new RegExp(`\`${name}\\.http\\.host\`, \`\\.port\` \\| 127\\.0\\.0\\.1, ${ports[name]}`),
    )
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' })
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' })
    for (const page of ['/healthz', '/readyz']) expect(read('README.md')).toContain(`| \`${page}\` |`)
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    const compose = load(read('docker-compose.yml').replaceAll('<<: *service', '')) as {
      'x-service': { image: string }
    }
    expect(container.image).toBe(compose['x-service'].image)
    const known = [...volumes, ...(workload(name).spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata)]
    for (const mount of container.volumeMounts) expect(known.map((volume) => volume.name)).toContain(mount.name)
    expect(find('Service', `webmon-${name}`).spec.ports?.map(({ port }) => port)).toEqual([ports[name]])
  })

  it.each(services)('gives the %s a configuration that is right', (name) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'webmon-kubernetes-'))
    try {
      const file = path.join(folder, 'config.yaml')
      writeFileSync(file, find('ConfigMap', 'webmon-config').data?.['config.yaml'] as string)
      const secret = path.join(folder, 'database-password')
      writeFileSync(secret, 'secret', { mode: 0o600 })
      const [container] = workload(name).spec.template.spec.containers as [Container]
      const environment = Object.fromEntries(container.env.map((variable) => [variable.name, variable.value]))
      expect(environment).toHaveProperty('WEBMON_CONFIG_FILE')
      expect(environment).toHaveProperty('WEBMON_DATABASE_PASSWORD_FILE')
      const { config, warnings } = readConfig({
        ...environment,
        WEBMON_CONFIG_FILE: file,
        WEBMON_DATABASE_PASSWORD_FILE: secret,
      })
      expect(warnings).toEqual([])
      expect(config.database.password).toBe('secret')
      expect(config[name].http).toMatchObject({ host: '0.0.0.0', port: ports[name] })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
