import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkErrors } from '../src/check/checkError.ts'
import { readConfig } from '../src/config.ts'

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')

describe('the README', () => {
  it('has the vocabulary of errors, word for word', () => {
    const table = Object.entries(checkErrors).map(([error, meaning]) => `| \`${error}\` | ${meaning} |`)
    expect(read('README.md')).toContain(table.join('\n'))
  })
})

describe('config.yaml', () => {
  it('is right as it ships, and with every example taken in', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'webmon-config-'))
    const file = path.join(folder, 'config.yaml')
    try {
      for (const take of [false, true]) {
        const text = read('config.yaml')
        // Certificates are an example without a file.
        const taken = text.replaceAll(/^( *)# ( *(?!.*(file|cert|key)\b.*:)[A-Za-z-]+:)/gm, '$1$2')
        writeFileSync(file, take ? taken : text, { mode: 0o600 })
        const { config, warnings } = readConfig({ WEBMON_CONFIG_FILE: file })
        expect(warnings).toEqual([])
        expect(config.database.host).toBe('postgres')
        expect(config.monitoring.deny).toHaveLength(3)
        expect(config.kafka.sasl === null).toBe(!take)
        expect(config.alerts.receivers.map(({ name }) => name)).toEqual(take ? ['ops', 'boss'] : [])
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
