/** Starts the consumer and the producer as processes of their own; ends both, and dies with the first that dies. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { readConfig } from './config.ts'
import { ConfigError } from './configSource.ts'

// Said once, not by each of the two.
try {
  readConfig()
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(2)
}

const services: ChildProcess[] = []
let ending = false

for (const name of ['consumer', 'producer']) {
  // The channel tells a service when this process is gone, however it ended.
  const service = spawn(process.execPath, [fileURLToPath(new URL(`${name}.js`, import.meta.url))], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  services.push(service)
  service.once('exit', (code, signal) => {
    // A service that is ended by a signal of its own counts as failed, as in a shell.
    if (!ending) process.exitCode = code ?? 1
    if (!ending && signal) process.stderr.write(`webmon's ${name} was ended by ${signal}\n`)
    end('SIGTERM')
  })
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal))

function end(signal: NodeJS.Signals): void {
  ending = true
  for (const service of services) service.kill(signal)
}
