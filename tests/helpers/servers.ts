import { execFileSync } from 'node:child_process'
import type { TestProject } from 'vitest/node'
import type { LocalPostgres } from '../../local/postgres.ts'
import { takeKafka, takePostgres } from '../../local/servers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** host:port of a broker that all tests share: topics and groups have names of their own. */
    kafka: string
    /** URL of a role that may make databases on the server that all tests share: each test has its own. */
    databaseMaker: string
    /** The role that the databases belong to: an ordinary one, as webmon's should be. */
    databaseOwner: { user: string; password: string }
  }
}

/**
 * Starts the real Kafka and PostgreSQL that the tests share (or takes those of WEBMON_TEST_KAFKA and
 * WEBMON_TEST_DATABASE), and compiles what they run as processes.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' })
  const [kafka, postgres] = await Promise.all([takeKafka(), takePostgres({ unsafe: true })])
  const { user, password } = postgres.database
  project.provide('kafka', kafka.address)
  project.provide('databaseMaker', ((postgres as Partial<LocalPostgres>).admin ?? postgres.database).url)
  project.provide('databaseOwner', { user, password })
  return async () => {
    await Promise.all([kafka.stop(), postgres.stop()])
  }
}
