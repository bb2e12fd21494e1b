/** Asks the services of this machine whether they are well: the HEALTHCHECK of the image, for either and for both. */
import { get } from 'node:http'
import { type HttpConfig, readConfig } from './config.ts'
import { ConfigError } from './configSource.ts'

/** Docker gives up after 10 s, and then the reason would not be told. */
const answerWithinMs = 5_000

/** An HTTP status, or why there is none. */
type Answer = number | 'off' | 'nothing listens' | 'no answer'

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
 * that died is gone (run.js ends with the first that dies): so whatever listens must answer 200, and something must
 * listen, unless a port is off.
 */
function healthy(answers: Answer[]): boolean {
  const absent = answers.filter((answer) => answer === 'nothing listens')
  const well = answers.filter((answer) => answer === 200 || answer === 'off')
  return well.length > 0 && well.length + absent.length === answers.length
}

function ask({ host, port }: HttpConfig): Promise<Answer> {
  if (port === 0) return Promise.resolve('off')
  // Bound to all addresses: IPv4's answers in both cases, IPv6's only where the container has one.
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return new Promise((resolve) => {
    const options = { host: address, port, path: '/healthz', agent: false, signal: AbortSignal.timeout(answerWithinMs) }
    get(options, (response) => {
      response.resume()
      resolve(response.statusCode ?? 'no answer')
    }).on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'nothing listens' : 'no answer'),
    )
  })
}
