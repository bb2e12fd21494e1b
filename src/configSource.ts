/** Where configuration values come from: the file, and the environment, which goes before it. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { createSecureContext } from 'node:tls'
import leven, { closestMatch } from 'leven'
import { anyText, type Parser } from './configValue.ts'
import { type Level, level } from './logger.ts'
import { OpenSecrets } from './openSecrets.ts'
import { shownName } from './shownName.ts'

/** What is wrong, where (file, key, value), and what was expected, in one line. The process ends with exit code 2. */
export class ConfigError extends Error {}

export type Environment = Readonly<Record<string, string | undefined>>

/** Text, or a list, which no key takes. */
export type FileValue = string | readonly unknown[]

/** Variables of ours that are no configuration key. `WEBMON_TEST_...` belongs to `make local` and the tests. */
const otherVariables = /^WEBMON_(CONFIG_FILE|LOG_LEVEL|TEST_.*)$/

/** The values of file and environment by key, and what is wrong with them. All are text until a parser has read them. */
export class Values {
  readonly #known: string[] = []
  readonly #warnings = new Set<string>()
  readonly #openSecrets = new OpenSecrets()
  #problem: string | undefined

  constructor(
    private readonly file: string,
    private readonly fromFile: ReadonlyMap<string, FileValue>,
    private readonly env: Environment,
  ) {}

  /** @param fallback what a missing key means; undefined: the key must be given */
  get<T, D extends T | null | undefined>(key: string, parser: Parser<T>, fallback: D): D extends undefined ? T : T | D {
    type Result = D extends undefined ? T : T | D
    this.#known.push(key)
    this.#openSecrets.inText(this.file, key, this.fromFile.get(key))
    const found = this.#find(key)
    if (found === undefined) {
      if (fallback === undefined) this.missing(key, parser.expected)
      return fallback as Result
    }
    const value = parseAs(parser, found.value)
    if (value === undefined) this.#wrong(`${found.where}: ${shown(key, found.value)}: expected ${parser.expected}`)
    return value as Result
  }

  /** WEBMON_LOG_LEVEL goes before WEBMON_LOGGING_LEVEL and the file. */
  logLevel(configured: Level): Level {
    const value = this.env.WEBMON_LOG_LEVEL
    if (!value) return configured
    const parsed = level.parse(value)
    if (parsed === undefined) this.#wrong(`WEBMON_LOG_LEVEL: ${JSON.stringify(value)}: expected ${level.expected}`)
    return parsed ?? configured
  }

  /** The text of the PEM file that the key names; undefined when the key is empty or left out. */
  pem(key: string): string | undefined {
    const named = this.get(key, anyText, '')
    if (named === '') return undefined
    const besideFile = path.resolve(path.dirname(this.file), named)
    const where = this.#find(key)?.where ?? key
    if (named.includes('-----BEGIN ')) {
      this.#wrong(`${where}: hidden: expected the name of a PEM file, not what is in it`)
      return undefined
    }
    const candidates = [...new Set([besideFile, path.resolve(named)])]
    for (const candidate of candidates) {
      if (!existsSync(candidate)) continue
      try {
        const pem = readFileSync(candidate, 'utf8')
        this.#openSecrets.inPem(candidate, key, pem)
        if (pem.includes('-----BEGIN ')) return pem
        this.#wrong(`${where}: ${candidate}: expected a PEM file, with a line -----BEGIN ...-----`)
      } catch (error) {
        this.#wrong(`${where}: ${candidate}: cannot be read (${(error as NodeJS.ErrnoException).code})`)
      }
      return undefined
    }
    this.#wrong(`${where}: ${JSON.stringify(named)}: expected a file; there is no ${candidates.join(' and no ')}`)
    return undefined
  }

  /**
   * Both or none. That they belong together is looked at here: pg would wait for ever with such a pair.
   *
   * @param passphrase of the key
   */
  certificateAndKey(certificate: string, key: string, passphrase = ''): { cert?: string; key?: string } {
    const files = { cert: this.pem(certificate), key: this.pem(key) }
    if (files.cert === undefined && files.key !== undefined)
      this.missing(certificate, `a PEM file, together with ${key}`)
    if (files.key === undefined && files.cert !== undefined)
      this.missing(key, `a PEM file, together with ${certificate}`)
    if (!files.cert || !files.key) return {}
    try {
      createSecureContext({ cert: files.cert, key: files.key, ...(passphrase && { passphrase }) })
    } catch (error) {
      const reason = (error as Error).message.split(':').at(-1)?.trim()
      this.#wrong(
        `${this.#find(key)?.where}: expected the key of ${certificate}; they cannot be used together (${reason})`,
      )
    }
    return { cert: files.cert, key: files.key }
  }

  /**
   * The names that somebody chose below a section: those of the file, and those that variables name.
   *
   * @param keys what can be below a name; left out: the name is the end of the path, and an underscore of a variable
   *   stands for a hyphen (names of headers)
   */
  namesBelow(section: string, keys?: readonly string[]): string[] {
    if (this.fromFile.get(section) === '') this.#known.push(section)
    const ofFile = [...this.fromFile.keys()]
      .filter((key) => key.startsWith(`${section}.`))
      .map((key) => key.slice(section.length + 1))
    const names = new Set(keys ? ofFile.map((rest) => rest.split('.')[0] as string) : ofFile)
    const known = new Set([...names].map((name) => variable(`${section}.${name}`)))
    const ends = keys ? `_(?:${keys.map(variablePart).join('|')})(?:_.*)?` : '(?:_FILE)?'
    const pattern = new RegExp(`^${variable(section)}_(.+?)${ends}$`)
    for (const [name, value] of Object.entries(this.env)) {
      const [, part] = pattern.exec(name) ?? []
      if (!part || !value || known.has(`${variable(section)}_${part}`)) continue
      names.add(keys ? part.toLowerCase() : part.toLowerCase().replaceAll('_', '-'))
    }
    return [...names]
  }

  /** Something that only shows when several values are seen. */
  wrong(key: string, expected: string): void {
    this.#wrong(`${this.#find(key)?.where ?? `${this.file}: ${key}`}: ${expected}`)
  }

  missing(key: string, expected: string): void {
    this.#wrong(`${this.file}: ${key}: missing: expected ${expected}; add it, or set ${variable(key)}`)
  }

  /** To be called when every key has been asked for: only now an unknown one can be told. */
  finish(): string[] {
    for (const [key, value] of this.fromFile) {
      if (this.#known.includes(key) || (value === '' && this.#known.some((known) => known.startsWith(`${key}.`))))
        continue
      throw new ConfigError(`${this.file}: ${this.#unknown(key)}`)
    }
    this.requireRight()
    const names = this.#known.map(variable)
    for (const name of Object.keys(this.env)) {
      if (!name.startsWith('WEBMON_') || otherVariables.test(name) || !this.env[name]) continue
      if (names.includes(name.replace(/_FILE$/, '')) || names.includes(name)) continue
      this.#warnings.add(`${name}: unknown variable, ignored; did you mean ${closestMatch(name, names)}?`)
    }
    return [...this.#warnings, ...this.#openSecrets.warnings()]
  }

  /** Not more of it than its first wrong name: `password: {1a}` is a mapping to YAML, and what is below it the secret. */
  #unknown(key: string): string {
    const names = key.split('.')
    const isSection = (path: string) => this.#known.some((known) => known === path || known.startsWith(`${path}.`))
    const first = names.findIndex((_, n) => !isSection(names.slice(0, n + 1).join('.')))
    const section = names.slice(0, first).join('.')
    if (isSecret(section)) return `${section}: hidden: expected text: put it in quotes`
    const wrong = shownName(names.slice(0, first + 1).join('.'))
    return `${wrong}: unknown key; did you mean ${nearest(wrong, this.#known)}?`
  }

  /** @throws {ConfigError} for the first thing that is wrong with what has been asked for */
  requireRight(): void {
    if (this.#problem !== undefined) throw new ConfigError(this.#problem)
  }

  /** The environment goes before the file; an empty variable counts as not set. */
  #find(key: string): { value: FileValue; where: string } | undefined {
    const name = variable(key)
    const direct = this.#withoutKubernetes(name)
    const indirect = this.env[`${name}_FILE`]
    if (direct && indirect) this.#wrong(`${name}: both it and ${name}_FILE are set: expected one of them`)
    if (direct) return { value: direct, where: `${name} (${key})` }
    if (indirect) {
      try {
        const value = readFileSync(indirect, 'utf8').replace(/\r?\n$/, '')
        this.#openSecrets.inText(indirect, key, value)
        return { value, where: `${name}_FILE (${key})` }
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException
        // Where there is no such file, it can be the password itself.
        const shown = isSecret(key) && !['EACCES', 'EISDIR', 'EPERM'].includes(code) ? 'hidden' : indirect
        this.#wrong(`${name}_FILE: ${shown}: cannot be read (${code}): expected the name of a file`)
      }
    }
    const value = this.fromFile.get(key)
    return value === undefined ? undefined : { value, where: `${this.file}: ${key}` }
  }

  /** Kubernetes sets WEBMON_KAFKA_PORT=tcp://10.0.0.1:9092 and the like beside a service of that name. */
  #withoutKubernetes(name: string): string | undefined {
    const value = this.env[name]
    if (!value || isSecret(name.toLowerCase()) || !/^(tcp|udp|sctp):\/\//.test(value)) return value
    this.#warnings.add(`${name}: ${value}: ignored, it looks set by Kubernetes and not by you`)
    return undefined
  }

  #wrong(problem: string): void {
    this.#problem ??= problem
  }
}

function parseAs<T>(parser: Parser<T>, value: FileValue): T | undefined {
  if (typeof value === 'string') return parser.parse(value)
  const items = parser.takesList === true && value.every((item) => typeof item === 'string')
  return items ? parser.parse(value.join(',')) : undefined
}

/** A slip within a word, or a word at the wrong place. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const last = (path: string) => path.slice(path.lastIndexOf('.') + 1)
  const distance = (path: string) => Math.min(leven(key, path), leven(last(key), last(path)) + 0.5)
  const section = known.find((path) => key.startsWith(`${path}.`))
  return section ?? known.toSorted((a, b) => distance(a) - distance(b))[0]
}

const isSecret = (key: string) => /password|proxy|heartbeat|webhook|headers/.test(key)

/** For an error's line: what stands there, unless it is a secret, or an address that can hold one. */
function shown(key: string, value: FileValue): string {
  if (typeof value !== 'string') return 'a list'
  if (isSecret(key) || value.includes('@')) return 'hidden'
  return value === '' ? 'nothing' : JSON.stringify(value)
}

/** kafka.consumer.group -> WEBMON_KAFKA_CONSUMER_GROUP */
function variable(key: string): string {
  return `WEBMON_${variablePart(key)}`
}

function variablePart(key: string): string {
  return key.toUpperCase().replaceAll(/[.-]/g, '_')
}
