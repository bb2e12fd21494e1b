import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Database } from '../database/database.ts'
import { addWebsite, enableWebsites, removeWebsites, silenceWebsites } from '../database/websiteChanges.ts'
import { findWebsites, type ListedWebsite, listWebsites } from '../database/websiteList.ts'
import { timeText } from '../figures.ts'
import { shownUrl } from '../shownUrl.ts'
import { problemOf, type WebsiteSettings } from '../websiteSettings.ts'
import { CommandError, run, UsageError } from './commandLine.ts'
import { addWebsiteFiles } from './websiteFiles.ts'
import { addRequestOptions, addRowOptions, settingsOf } from './websiteOptions.ts'
import { describeWebsite, websiteTable, withoutSecrets } from './websiteReport.ts'
import { withTables } from './withDatabase.ts'

const naming = 'its name or id; several at once'
const takesEffect = '\nThe producer reads the list once per monitoring.interval: a change needs no restart.'

export function addWebsites(program: Command): void {
  const group = program.command('website').description('Keeps the list of websites.')
  addAdd(group)
  addReading(group)
  addChanging(group)
  addSilence(group)
  addWebsiteFiles(group)
}

function addAdd(group: Command): void {
  const command = group
    .command('add')
    .description('Adds a website.')
    .argument('<url>')
    .addHelpText('after', takesEffect)
    .action((url: string, options: { name?: string }, command: Command) =>
      run(command, async (context) => {
        const name = options.name ?? (URL.canParse(url) ? new URL(url).host : url)
        const settings: WebsiteSettings = { ...settingsOf(url, options), name }
        const problem = problemOf(settings)
        if (problem !== undefined) throw new UsageError(problem)
        const id = await withTables(context, (database) => addWebsite(database, settings))
        if (id === undefined) {
          throw new CommandError(`there is a website ${JSON.stringify(name)} already: give this one another --name`)
        }
        context.answer({ website_id: id, name }, `added ${name}: ${id}`)
      }),
    )
  addRowOptions(command)
  addRequestOptions(command)
}

function addReading(group: Command): void {
  const statuses = ['active', 'unavailable', 'unknown', 'disabled'] as const
  group
    .command('list')
    .description('Lists the websites: status, last check, and the uptime of 24 hours with its coverage.')
    .option(
      '--tag <tag>',
      'only those with this tag; again for more, of which they have all',
      (tag, others: string[] = []) => [...others, tag],
    )
    .addOption(new Option('--status <status>', 'only those with this status').choices(statuses))
    .action((options: { tag?: string[]; status?: (typeof statuses)[number] }, command: Command) =>
      run(command, (context) =>
        withTables(context, async (database) => {
          const websites = await listWebsites(database, { tags: options.tag, status: options.status })
          context.answer(websites.map(withoutSecrets), websiteTable(websites))
        }),
      ),
    )
  group
    .command('show')
    .description('Shows all of a website. Values of headers, the body, user and query of the URL stay hidden.')
    .argument('<website...>', naming)
    .action((names: string[], _: object, command: Command) =>
      run(command, (context) =>
        withTables(context, async (database) => {
          const found = await resolve(database, names)
          const websites = await listWebsites(database, { ids: found.map(({ website_id }) => website_id) })
          context.answer(websites.map(withoutSecrets), websites.map(describeWebsite).join('\n\n'))
        }),
      ),
    )
}

function addChanging(group: Command): void {
  const changes = {
    remove: {
      description: 'Removes websites. Their check entries stay.',
      done: 'removed',
      change: removeWebsites,
    },
    enable: {
      description: 'Has websites checked again.',
      done: 'enabled',
      change: (database: Database, ids: string[]) => enableWebsites(database, ids, true),
    },
    disable: {
      description: 'Leaves websites unchecked; they and their check entries stay.',
      done: 'disabled',
      change: (database: Database, ids: string[]) => enableWebsites(database, ids, false),
    },
  }
  for (const [name, { description, done, change }] of Object.entries(changes)) {
    group
      .command(name)
      .description(description)
      .argument('<website...>', naming)
      .addHelpText('after', takesEffect)
      .action((names: string[], _: object, command: Command) =>
        run(command, (context) =>
          withTables(context, async (database) => {
            const found = await resolve(database, names)
            await change(
              database,
              found.map(({ website_id }) => website_id),
            )
            context.answer(found.map(idAndName), found.map(({ name }) => `${done} ${name}`).join('\n'))
          }),
        ),
      )
  }
}

function addSilence(group: Command): void {
  group
    .command('silence')
    .description('Holds alerts of websites back for a while; they are checked all the same.')
    .argument('<website...>', naming)
    .addOption(new Option('--for <time>', 'for so long: 90s, 30m, 2h, 3d').argParser(seconds).conflicts('end'))
    .option('--end', 'end the silence now')
    .action((names: string[], options: { for?: number; end?: true }, command: Command) =>
      run(command, async (context) => {
        const forSeconds = options.end ? null : options.for
        if (forSeconds === undefined) throw new UsageError('expected --for with a time such as 2h, or --end')
        await withTables(context, async (database) => {
          const found = await resolve(database, names)
          const ids = found.map(({ website_id }) => website_id)
          const until = await silenceWebsites(database, ids, forSeconds)
          const text = found.map(({ name }) =>
            until ? `silenced ${name} until ${timeText(until)}` : `${name} may alert again`,
          )
          context.answer(
            found.map((website) => ({ ...idAndName(website), silenced_until: until })),
            text.join('\n'),
          )
        })
      }),
    )
}

const idAndName = ({ website_id, name }: Pick<ListedWebsite, 'website_id' | 'name'>) => ({ website_id, name })

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 }

function seconds(text: string): number {
  const [, number, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (number === undefined) throw new InvalidArgumentError('Expected a time such as 90s, 30m, 2h or 3d.')
  return Number(number) * (unitSeconds[unit] ?? 1)
}

type Found = Awaited<ReturnType<typeof findWebsites>>[number]

/**
 * The websites that are meant, each by its name or its id.
 *
 * @throws {CommandError} for one that is not there, and for a name of several, with their ids
 */
async function resolve(database: Database, names: readonly string[]): Promise<Found[]> {
  const found = await findWebsites(database, names)
  const meant = names.map((text) => {
    const byId = found.find(({ website_id }) => website_id === text.toLowerCase())
    const [first, ...more] = byId ? [byId] : found.filter(({ name }) => name === text)
    if (first === undefined)
      throw new CommandError(`there is no website ${JSON.stringify(text.includes('@') ? shownUrl(text) : text)}`)
    if (more.length === 0) return first
    const ids = [first, ...more].map(({ website_id, url }) => `  ${website_id}  ${shownUrl(url)}`)
    throw new CommandError(
      [`${JSON.stringify(text)} is the name of ${ids.length} websites; use an id:`, ...ids].join('\n'),
    )
  })
  return [...new Set(meant)]
}
