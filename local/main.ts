/** `make local`: webmon with a real Kafka and a real PostgreSQL, without Docker. */

const help = `usage: npx tsx local/main.ts        (or: make local)

Starts Kafka and PostgreSQL on free ports of 127.0.0.1, then webmon's consumer and producer, and shows what
they do until Ctrl-C, which ends all of it. The data stays in data/local for the next start.

Kafka comes from Java 17 or newer and Maven, else from Docker; PostgreSQL from npm.

environment:
  WEBMON_TEST_KAFKA     host:port of a Kafka of your own, which is taken instead
  WEBMON_TEST_DATABASE  postgres:// URL of a database of your own, which is taken instead
  WEBMON_CONFIG_FILE    the configuration, else config.yaml; what is started here goes before it
  WEBMON_...            any other value of the configuration, as for the services
`

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const argument = process.argv[2]
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`webmon needs Node 20.19 or newer; this is ${process.versions.node}\n`)
  process.exitCode = 1
} else if (argument === '--help' || argument === '-h') {
  process.stdout.write(help)
} else if (argument !== undefined) {
  process.stderr.write(`unknown argument ${argument}\n\n${help}`)
  process.exitCode = 2
} else {
  // Only now: an older Node could not even load what follows.
  const { runLocal } = await import('./run.ts')
  process.exit(await runLocal())
}
