import { type Config, readConfig, readMonitoring } from '../config.ts'
import type { Environment } from '../configSource.ts'
import type { Logger } from '../logger.ts'

/** What every command works with: where the configuration is, and how to answer. */
export class Context {
  constructor(
    private readonly configFile: string | undefined,
    /** Whether programs read the answer. */
    readonly json: boolean,
  ) {}

  /** @throws {ConfigError} */
  readConfig(): { config: Config; warnings: string[] } {
    return readConfig(this.environment)
  }

  /** Its warnings are told. @throws {ConfigError} */
  config(): Config {
    const { config, warnings } = this.readConfig()
    for (const warning of warnings) this.tell(warning)
    return config
  }

  /** What a check needs of the configuration, which need not be there. @throws {ConfigError} */
  monitoring(): Config['monitoring'] {
    return readMonitoring(this.environment)
  }

  get environment(): Environment {
    return this.configFile === undefined ? process.env : { ...process.env, WEBMON_CONFIG_FILE: this.configFile }
  }

  /** The answer: a text for people, or its value for programs. */
  answer(value: unknown, text: string): void {
    process.stdout.write(this.json ? `${JSON.stringify(value, null, 2)}\n` : text === '' ? '' : `${text}\n`)
  }

  /** What goes on beside the answer. */
  tell(line: string): void {
    process.stderr.write(`${line}\n`)
  }

  /** For parts that the services share: what they have to say, without what is for a log alone. */
  get logger(): Logger {
    const say = (first: unknown, message?: string) => this.tell(message ?? String(first))
    const silent = () => undefined
    return { trace: silent, debug: silent, info: say, warn: say, error: say, fatal: say }
  }
}
