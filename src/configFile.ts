/** The YAML file of the configuration, as keys and texts. */
import { readFileSync } from 'node:fs'
import { FAILSAFE_SCHEMA, load, YAMLException } from 'js-yaml'
import { ConfigError, type FileValue } from './configSource.ts'
import { yamlProblemAndPlace } from './yamlProblem.ts'

/** The values of the YAML file by key: every scalar as its text (a password 0123 stays 0123), nested keys joined by dots. */
export function readYaml(file: string): Map<string, FileValue> {
  let document: unknown
  try {
    const text = readFileSync(file, 'utf8')
    // A file of comments is none to the YAML reader; here everything can come from the environment.
    const empty = text.replaceAll(/^\s*(#.*)?$/gm, '').trim() === ''
    document = empty ? {} : load(text, { schema: FAILSAFE_SCHEMA, filename: file })
  } catch (error) {
    if (error instanceof YAMLException) throw new ConfigError(`${file}: not YAML: ${yamlProblemAndPlace(error)}`)
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError(
      `${file}: cannot be read (${code}): expected the configuration file; WEBMON_CONFIG_FILE can name another one`,
    )
  }
  const values = new Map<string, FileValue>()
  flatten('', document ?? {}, values, file)
  return values
}

function flatten(prefix: string, node: unknown, values: Map<string, FileValue>, file: string): void {
  if (typeof node === 'string' && prefix !== '') {
    values.set(prefix, node)
  } else if (Array.isArray(node) && prefix !== '') {
    values.set(prefix, node)
  } else if (typeof node === 'object' && node !== null && !Array.isArray(node)) {
    for (const [key, value] of Object.entries(node)) flatten(prefix ? `${prefix}.${key}` : key, value, values, file)
  } else {
    throw new ConfigError(`${file}: ${prefix || 'the whole file'}: expected keys with values, as in the README's table`)
  }
}
