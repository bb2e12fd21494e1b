/** Asks the services of this machine whether they are well: the HEALTHCHECK of the image, for either and for both. */
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import { type HttpConfig, readConfig } from './config.ts'
import { ConfigError } from './configSource.ts'

/** Docker gives up after 10 s, and then the reason would not be told. */
const answerWithinMs = 5_000

/** What `/readyz` answers, or why it does not. */
type Answer = 'ready' | 'off' | 'nothing listens' | 'no answer' | `not ready: ${string}`

try {
  // The environment is the service's own, the file may have been edited since: a changed port counts after a restart.
  const { producer, consumer } = readConfig().config
  const [first, second] = await Promise.all([ask(producer.http), ask(consumer.http)])
  process.stdout.write(`producer: ${first}, consumer: ${second}\n`)
  process.exitCode = healthy([first, second]) ? 0 : 1
} catch (error) {
  if (!(error instanceof ConfigError)) throw error
  process.stdout.write(`${error.message}\n`)
  process.exitCode = 1
}

/**
 * Which services there should be is not known here. One that does not run has no listener, and the container of one
 * that died is gone (run.js ends with the first that dies): so whatever listens must be ready, and something must
 * listen, unless a port is off.
 */
function healthy(answers: Answer[]): boolean {
  const absent = answers.filter((answer) => answer === 'nothing listens')
  const well = answers.filter((answer) => answer === 'ready' || answer === 'off')
  return well.length > 0 && well.length + absent.length === answers.length
}

function ask({ host, port }: HttpConfig): Promise<Answer> {
  if (port === 0) return Promise.resolve('off')
  // Bound to all addresses: IPv4's answers in both cases, IPv6's only where the container has one.
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return new Promise((resolve) => {
    const options = { host: address, port, path: '/readyz', agent: false, signal: AbortSignal.timeout(answerWithinMs) }
    get(options, (response) => {
      const failed = () => resolve('no answer')
      text(response).then(
        (body) => resolve(response.statusCode === 200 ? 'ready' : `not ready: ${body.trim()}`),
        failed,
      )
    }).on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'nothing listens' : 'no answer'),
    )
  })
}
