import { createHash } from 'node:crypto'
import { type Broker, type BrokerRuntime, formatArguments, propertiesOf } from './broker.ts'
import { run } from './process.ts'

/** Where the official image keeps its data: a new volume there belongs to the image's user. */
const dataInContainer = '/var/lib/kafka/data'
const propertiesFile = '/tmp/server.properties'

const script = `
  printf %s "$WEBMON_PROPERTIES" > ${propertiesFile} &&
  java $WEBMON_JAVA -cp '/opt/kafka/libs/*' kafka.tools.StorageTool "$@" &&
  exec java $WEBMON_JAVA -cp '/opt/kafka/libs/*' kafka.Kafka ${propertiesFile}`

/** Runs brokers with Docker; their data is in a volume, so that no folder need be shared with the engine. */
export function brokerInContainer(docker: string, image: string): BrokerRuntime {
  const tryTo = (...args: string[]) => run({ command: docker, args }).catch(() => {})

  async function kill(broker: Broker) {
    await tryTo('rm', '-f', nameOf(broker))
  }

  return {
    async prepare(broker) {
      await kill(broker)
      const { controller, ...ports } = broker.ports
      const name = nameOf(broker)
      const published = Object.values(ports).flatMap((port) => (port ? ['-p', `127.0.0.1:${port}:${port}`] : []))
      return {
        command: docker,
        args: [
          ...['run', '--rm', '--name', name, '-v', `${name}:${dataInContainer}`, ...published],
          ...['-e', 'WEBMON_PROPERTIES', '-e', 'WEBMON_JAVA', '--entrypoint', '/bin/sh', image],
          ...['-c', script, 'sh', ...formatArguments(broker, propertiesFile)],
        ],
        env: {
          ...process.env,
          WEBMON_PROPERTIES: propertiesOf(broker, dataInContainer, '0.0.0.0'),
          WEBMON_JAVA: broker.javaOptions.join(' '),
        },
      }
    },
    kill,
    async remove(broker) {
      await tryTo('volume', 'rm', '-f', nameOf(broker))
    },
  }
}

/** Of the container and of its volume. */
function nameOf(broker: Broker): string {
  return `webmon-kafka-${createHash('sha256').update(broker.dataFolder).digest('hex').slice(0, 12)}`
}
