import { execFileSync } from 'node:child_process'
import type { TestProject } from 'vitest/node'
import { startKafka } from '../../local/kafka.ts'
import { startPostgres } from '../../local/postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of a broker that all tests share: topics and groups have names of their own. */
    kafka: string
    /** URL of a superuser on the server that all tests share: databases are their own. */
    postgresAdmin: string
  }
}

/** Starts the real Kafka and PostgreSQL that the tests share, and compiles what they run as processes. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  const [kafka, postgres] = await Promise.all([startKafka(), startPostgres({ unsafe: true })])
  project.provide('kafka', kafka.address)
  project.provide('postgresAdmin', postgres.admin.url)
  return async () => {
    await Promise.all([kafka.stop(), postgres.stop()])
  }
}
