import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Broker, type BrokerRuntime, formatArguments, pidFile, propertiesOf } from './broker.ts'
import { type Command, endLeftover, run } from './process.ts'

/** Runs brokers with this machine's Java. */
export function brokerInJava(java: string, libraries: string): BrokerRuntime {
  function javaCommand(broker: Broker, main: string, ...args: string[]): Command {
    return {
      command: java,
      args: [...broker.javaOptions, markOf(broker), '-cp', path.join(libraries, '*'), main, ...args],
      cwd: broker.dataFolder,
      signal: broker.signal,
    }
  }

  return {
    async prepare(broker) {
      const left = Number(await readFile(pidFile(broker), 'utf8').catch(() => 0))
      if (left > 0) await endLeftover(left, markOf(broker), 'SIGTERM')
      // Relative, because Kafka splits the value at commas, which a path may have.
      const logFolder = 'log'
      const file = path.join(broker.dataFolder, 'server.properties')
      await writeFile(file, propertiesOf(broker, logFolder, '127.0.0.1'), { mode: 0o600 })
      const formatted = path.join(broker.dataFolder, 'formatted')
      if (!existsSync(formatted)) {
        // What an interrupted formatting has left is no data.
        await rm(path.join(broker.dataFolder, logFolder), { recursive: true, force: true })
        await run(javaCommand(broker, 'kafka.tools.StorageTool', ...formatArguments(broker, file)))
        await writeFile(formatted, '')
      }
      return javaCommand(broker, 'kafka.Kafka', file)
    },
    async kill() {},
    async remove() {},
  }
}

/** A broker is known by the folder in its command line, of which Java itself makes no use. */
function markOf(broker: Broker): string {
  return `-Dwebmon.folder=${broker.dataFolder}`
}
