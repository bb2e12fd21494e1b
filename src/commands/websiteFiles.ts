import { open, readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { plainText } from '../check/failure.ts'
import { importWebsites } from '../database/websiteChanges.ts'
import { readStoredWebsites } from '../database/websiteList.ts'
import type { Difference } from '../websiteDifference.ts'
import { fileOf, readWebsitesFile, writeWebsitesFile } from '../websitesFile.ts'
import { CommandError, run } from './commandLine.ts'
import type { Context } from './context.ts'
import { withTables } from './withDatabase.ts'

/** From so many rows on people want to see that something happens. */
const progressFrom = 1_000

const importHelp = `
The file is YAML, as export writes it:

  websites:
    - name: Example
      url: https://example.com/
      regex: Example Domain
      tags: [public]

Keys are the columns of the table website that people set: name, url, regex, enabled, interval, timeout, method,
headers, body, expected_status, follow_redirects, verify_certificate, tags. What is left out is as the default has it.
A website is known by its name. All is done in one transaction: where a row is wrong, nothing is changed.`

const exportHelp = `
The file holds everything, also what is secret: values of headers, bodies, users and queries in URLs.`

export function addWebsiteFiles(group: Command): void {
  group
    .command('import')
    .description('Makes the websites what a file says: adds them, and changes those of the same name.')
    .argument('<file>', 'YAML; - is standard input')
    .option('--prune', 'remove the websites that are not in the file')
    .option('--dry-run', 'show the difference, change nothing')
    .addHelpText('after', importHelp)
    .action((file: string, options: { prune?: true; dryRun?: true }, command: Command) =>
      run(command, async (context) => {
        const name = file === '-' ? 'standard input' : file
        const wanted = readWebsitesFile(await textOf(file), name)
        if (wanted.length >= progressFrom) context.tell(`read ${wanted.length} websites`)
        const difference = await withTables(context, (database) =>
          importWebsites(database, wanted, {
            prune: options.prune === true,
            dryRun: options.dryRun === true,
            onProgress: progress(context),
          }),
        )
        const { added, changed, removed, unchanged } = difference
        const counts = { added: added.length, changed: changed.length, removed: removed.length, unchanged }
        context.answer(
          { ...counts, ...(options.dryRun && { difference: namesOf(difference) }) },
          [
            ...(options.dryRun ? linesOf(difference) : []),
            `${options.dryRun ? 'would be: ' : ''}${Object.entries(counts)
              .map(([what, count]) => `${count} ${what}`)
              .join(', ')}`,
          ].join('\n'),
        )
      }),
    )
  group
    .command('export')
    .description('Writes all websites as import reads them, with their secrets.')
    .argument('[file]', 'readable for its owner alone (default: standard output)')
    .addHelpText('after', exportHelp)
    .action((file: string | undefined, _: object, command: Command) =>
      run(command, async (context) => {
        const websites = await withTables(context, (database) => readStoredWebsites(database))
        const names = websites.map(({ name }) => name)
        const double = names.filter((name, index) => name === names[index - 1])
        if (double.length > 0) context.tell(`import will refuse this: there are several websites named ${double[0]}`)
        const written = context.json ? `${JSON.stringify(fileOf(websites), null, 2)}\n` : writeWebsitesFile(websites)
        if (file !== undefined) await writePrivate(file, written)
        else if (process.stdout.isTTY) context.tell('What follows holds secrets: values of headers, among others.')
        if (file === undefined) process.stdout.write(written)
        else context.tell(`wrote ${websites.length} websites to ${file}, with their secrets`)
      }),
    )
}

async function textOf(file: string): Promise<string> {
  try {
    return await (file === '-' ? text(process.stdin) : readFile(file, 'utf8'))
  } catch (error) {
    throw new CommandError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** A file that is there already keeps the mode that it has, unless it is told otherwise; before the secrets are in it. */
async function writePrivate(file: string, written: string): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    if ((await handle.stat()).isFile()) await handle.chmod(0o600)
    await handle.writeFile(written)
  } finally {
    await handle.close()
  }
}

/** On a terminal one line that changes; else one for each thousand. */
function progress(context: Context): (written: number, of: number) => void {
  return (written, of) => {
    if (of < progressFrom) return
    const line = `${written} of ${of} rows written`
    if (process.stderr.isTTY) process.stderr.write(`\r${line}${written === of ? '\n' : ''}`)
    else context.tell(line)
  }
}

function namesOf({ added, changed, removed }: Difference) {
  return {
    added: added.map(({ name }) => name),
    changed: changed.map(({ settings, columns }) => ({ name: settings.name, columns })),
    removed: removed.map(({ name }) => name),
  }
}

/** What the new values are is in the file, and may be secret. */
function linesOf(difference: Difference): string[] {
  const { added, changed, removed } = namesOf(difference)
  return [
    ...added.map((name) => `+ ${name}`),
    ...changed.map(({ name, columns }) => `~ ${name}: ${columns.join(', ')}`),
    ...removed.map((name) => `- ${name}`),
  ].map((line) => plainText(line, 500))
}
