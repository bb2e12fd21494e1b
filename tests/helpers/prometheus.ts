import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { dump, load } from 'js-yaml'
import { freePort } from '../../local/ports.ts'
import { until } from './services.ts'

export const deployFolder = fileURLToPath(new URL('../../deploy', import.meta.url))

interface Configuration {
  global: Record<string, string>
  rule_files: string[]
  scrape_configs: { job_name: string; dns_sd_configs?: unknown; static_configs?: unknown }[]
}

/** A real Prometheus with the configuration that is shipped, but that it looks here, and each second. */
export class Prometheus {
  readonly #process: ChildProcess
  readonly #exited: Promise<unknown>
  #said = ''

  /** @param ports where the services listen, by job */
  static async start(ports: Readonly<Record<string, number>>): Promise<Prometheus> {
    const folder = mkdtempSync(path.join(tmpdir(), 'webmon-prometheus-'))
    const config = load(readFileSync(path.join(deployFolder, 'prometheus/prometheus.yml'), 'utf8')) as Configuration
    config.global = { scrape_interval: '1s', evaluation_interval: '1s' }
    config.rule_files = config.rule_files.map((file) => path.join(deployFolder, 'prometheus', file))
    for (const scraped of config.scrape_configs) {
      delete scraped.dns_sd_configs
      scraped.static_configs = [{ targets: [`127.0.0.1:${ports[scraped.job_name]}`] }]
    }
    writeFileSync(path.join(folder, 'prometheus.yml'), dump(config))
    const prometheus = new Prometheus(folder, await freePort())
    await until(
      () =>
        fetch(`${prometheus.url}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      30_000,
      () => `Prometheus to be ready; it says\n${prometheus.#said}`,
    )
    return prometheus
  }

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {
    this.#process = spawn(
      'prometheus',
      [
        `--config.file=${path.join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    this.#process.stderr?.on('data', (data) => {
      this.#said = (this.#said + data).slice(-5_000)
    })
    this.#exited = once(this.#process, 'exit')
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** The values that a query has now, by its series. */
  async query(query: string): Promise<number[]> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query })}`)
    const { status, error, data } = (await response.json()) as Answer
    if (status !== 'success') throw new Error(`${query}: ${error}`)
    return data.result.map(({ value }) => Number(value[1]))
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await this.#exited
    rmSync(this.folder, { recursive: true, force: true })
  }
}

interface Answer {
  readonly status: string
  readonly error?: string
  readonly data: { readonly result: readonly { readonly value: readonly [number, string] }[] }
}
