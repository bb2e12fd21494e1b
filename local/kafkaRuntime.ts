import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { BrokerRuntime } from './broker.ts'
import { brokerInContainer } from './brokerInContainer.ts'
import { brokerInJava } from './brokerInJava.ts'
import { dataFolder, localFolder } from './folders.ts'
import { run } from './process.ts'

/** The Java that Kafka 4 needs at least. */
const oldestJava = 17

export interface RuntimeOptions {
  /** Told of what takes long. */
  readonly progress?: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Finds what can run Kafka, Java and Maven before Docker, and downloads Kafka where that has not been done yet.
 *
 * @throws with one line that says what was found and what is needed
 */
export async function findKafkaRuntime({ progress = () => {}, signal }: RuntimeOptions = {}): Promise<BrokerRuntime> {
  const version = kafkaVersion()
  const libraries = path.join(dataFolder, `kafka-libs-${version}`)
  const java = await findJava()
  const maven = (await answer('mvn', ['--version'])) !== undefined
  if (java.major >= oldestJava && (maven || existsSync(libraries))) {
    if (!existsSync(libraries)) await downloadLibraries(version, libraries, progress, signal)
    return brokerInJava(java.command, libraries)
  }
  if ((await answer('docker', ['version', '--format', '{{.Server.Version}}'])) !== undefined) {
    const image = `apache/kafka:${version}`
    if ((await answer('docker', ['image', 'inspect', image])) === undefined) {
      progress(`downloading the image ${image}, once ...`)
      await run({ command: 'docker', args: ['pull', '--quiet', image], signal })
    }
    return brokerInContainer('docker', image)
  }
  const docker = (await answer('docker', ['--version'])) === undefined ? 'no Docker' : 'a Docker without an engine'
  const found = [java.major ? `Java ${java.major}` : 'no Java', maven ? 'Maven' : 'no Maven', docker].join(', ')
  throw new Error(`Kafka needs Java ${oldestJava} or newer and Maven, or a Docker engine; found ${found}`)
}

function kafkaVersion(): string {
  const pom = readFileSync(path.join(localFolder, 'pom.xml'), 'utf8')
  const [, version] = /<kafka\.version>([^<]+)</.exec(pom) ?? []
  if (version === undefined) throw new Error('local/pom.xml has no kafka.version')
  return version
}

async function downloadLibraries(
  version: string,
  folder: string,
  progress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  progress(`downloading Kafka ${version} (43 MB), once ...`)
  // Renamed when complete, so that what an interrupted download has left is never taken for Kafka.
  const unfinished = `${folder}.${process.pid}`
  await mkdir(unfinished, { recursive: true })
  try {
    const pom = path.join(localFolder, 'pom.xml')
    const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`]
    await run({ command: 'mvn', args: ['-q', '-B', '-f', pom, ...goal], cwd: localFolder, signal })
    await rename(unfinished, folder).catch((error: unknown) => {
      // Another run was first, and its download is as good.
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

/** The first Java of JAVA_HOME and PATH that is new enough; else the newest of them, `major` 0 when there is none. */
async function findJava(): Promise<{ command: string; major: number }> {
  const home = process.env.JAVA_HOME
  let newest = { command: 'java', major: 0 }
  for (const command of [...(home ? [path.join(home, 'bin', 'java')] : []), 'java']) {
    // "17.0.15", "21", and before 9 "1.8.0_392"
    const [, major = 0] = /version "(?:1\.)?(\d+)/.exec((await answer(command, ['-version'])) ?? '') ?? []
    if (Number(major) > newest.major) newest = { command, major: Number(major) }
    if (newest.major >= oldestJava) break
  }
  return newest
}

/** What a command says; undefined when it is missing or fails, or is silent for 10 s as one whose engine hangs. */
function answer(command: string, args: readonly string[]): Promise<string | undefined> {
  return run({ command, args, signal: AbortSignal.timeout(10_000) }).catch(() => undefined)
}
