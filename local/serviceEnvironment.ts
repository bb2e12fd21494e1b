import path from 'node:path'
import type { DatabaseAddress } from './databaseAddress.ts'
import { projectFolder } from './folders.ts'
import { type Ports, stateFolder } from './state.ts'

/**
 * The environment of a service that is to use these servers, whatever its configuration file says.
 *
 * @param givenKafka the user's own one, to which the file says how to connect; ours speaks plain text
 */
export function serviceEnvironment(
  givenKafka: { readonly host: string; readonly port: number } | undefined,
  database: DatabaseAddress,
  ports: Ports,
): NodeJS.ProcessEnv {
  const set: Record<string, string> = {
    WEBMON_KAFKA_SERVER: givenKafka?.host ?? '127.0.0.1',
    WEBMON_KAFKA_PORT: String(givenKafka?.port ?? ports.kafka),
    ...(!givenKafka && { WEBMON_KAFKA_SSL: 'false' }),
    WEBMON_DATABASE_HOST: database.host,
    WEBMON_DATABASE_PORT: String(database.port),
    WEBMON_DATABASE_DB: database.database,
    WEBMON_DATABASE_USER: database.user,
    WEBMON_DATABASE_PASSWORD: database.password,
    WEBMON_DATABASE_SSLMODE: database.sslMode,
    // With the data of the Kafka that it is for.
    WEBMON_PRODUCER_SPOOL_PATH: path.join(stateFolder, 'spool'),
  }
  const env: NodeJS.ProcessEnv = { ...process.env, ...set }
  // The same value from a file as well would be an error.
  for (const name of Object.keys(set)) delete env[`${name}_FILE`]
  env.WEBMON_PRODUCER_HTTP_PORT ||= String(ports.producer)
  env.WEBMON_CONSUMER_HTTP_PORT ||= String(ports.consumer)
  env.WEBMON_CONFIG_FILE = path.resolve(env.WEBMON_CONFIG_FILE || path.join(projectFolder, 'config.yaml'))
  return env
}
