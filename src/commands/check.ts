import type { Command } from 'commander'
import { NIL } from 'uuid'
import { openChecker } from '../check/openChecker.ts'
import { isWeb } from '../check/redirect.ts'
import type { CheckEntry } from '../checkEntry.ts'
import type { Config } from '../config.ts'
import type { Website } from '../website.ts'
import { asWebsite } from '../websiteSettings.ts'
import { Seen } from './checkReport.ts'
import { exitCodes, run, UsageError } from './commandLine.ts'
import { addRequestOptions, settingsOf } from './websiteOptions.ts'

const help = `
Needs no Kafka, no database and no configuration; where there is one, its part "monitoring" counts.
Exit code 0: available; 1: not available; 2: wrong usage.`

export function addCheck(program: Command): void {
  const command = program
    .command('check')
    .summary('check a URL now')
    .description('Checks a URL once, now, as the producer does, and says all that it saw.')
    .argument('<url>')
    .addHelpText('after', help)
    .action((url: string, options: object, command: Command) =>
      run(command, async (context) => {
        if (!URL.canParse(url) || !isWeb(new URL(url))) {
          throw new UsageError('expected a URL with http:// or https:// and a host, such as https://www.example.com/')
        }
        const website = asWebsite(settingsOf(url, options), NIL)
        const seen = new Seen()
        const entry = await checkOnce(website, context.monitoring(), seen)
        context.answer(seen.json(website, entry), seen.text(website, entry))
        return entry.available ? exitCodes.done : exitCodes.no
      }),
    )
  addRequestOptions(command)
}

async function checkOnce(website: Website, monitoring: Config['monitoring'], seen: Seen): Promise<CheckEntry> {
  const { checker, close } = openChecker(monitoring)
  try {
    // There is no entry only after an abort, and nobody aborts.
    return (await checker.check(website, false, seen)) as CheckEntry
  } finally {
    await close()
  }
}
