import { existsSync, type Stats, statfsSync, statSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import path from 'node:path'
import type { Config } from '../config.ts'
import { sizeText } from '../configValue.ts'
import { type Finding, note, well, wrong } from '../finding.ts'
import { fullShare, roomOn } from '../spool/room.ts'

const answerWithinMs = 2_000

const part = 'spool'

/** Looks at the folder of the spool without opening it: that would change it, and a producer may be at it. */
export async function diagnoseSpool({ producer }: Config): Promise<Finding> {
  const { path: folder, limitBytes } = producer.spool
  if (folder === '') {
    return note(part, 'entries are kept in memory alone: those not yet in Kafka are lost with the process', null)
  }
  const isThere = existsSync(folder)
  const unwritable = await whyUnwritable(isThere ? folder : existingParent(folder))
  if (unwritable !== undefined) {
    return wrong(
      part,
      `${folder} cannot be written (${unwritable})`,
      'producer.spool.path must be a folder in which the user of the producer can write',
    )
  }
  if (!isThere) return well(part, `${folder} is not there yet: the producer makes it`)
  const bytes = await bytesIn(folder)
  const full = whyFull(folder, bytes, limitBytes)
  if (full !== undefined) return wrong(part, `${folder} ${full}: new checks pause`, 'bring Kafka back, or make room')
  const holder = await holderOf(path.join(folder, 'LOCK'))
  const text = `${folder} takes ${sizeText(bytes)} of ${sizeText(limitBytes)}`
  if (holder === undefined) return well(part, text)
  const { port } = producer.http
  if (port === 0) return note(part, `${text}, and ${holder} has it open: it should be the producer`)
  if (await producerAnswers(producer.http)) return well(part, `${text}, and the producer has it open`)
  return wrong(
    part,
    `${folder} is held by ${holder}, and no producer answers at ${producer.http.host}:${port}`,
    'end that process, or give each producer a folder of its own',
  )
}

function existingParent(folder: string): string {
  const parent = path.dirname(folder)
  return existsSync(parent) || parent === folder ? parent : existingParent(parent)
}

async function whyUnwritable(folder: string): Promise<string | undefined> {
  const file = path.join(folder, `doctor-${process.pid}`)
  try {
    await writeFile(file, 'webmon doctor\n')
    await rm(file, { force: true })
    return undefined
  } catch (error) {
    await rm(file, { force: true }).catch(() => undefined)
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOSPC' ? 'its disk is full' : (code ?? String(error))
  }
}

async function bytesIn(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map((file) => {
    return statSync(path.join(folder, file), { throwIfNoEntry: false })?.size ?? 0
  })
  return sizes.reduce((sum, size) => sum + size, 0)
}

function whyFull(folder: string, bytes: number, limitBytes: number): string | undefined {
  if (bytes >= limitBytes * fullShare)
    return `is full: ${sizeText(bytes)} of producer.spool.limit, ${sizeText(limitBytes)}`
  const room = roomOn(statfsSync(folder))
  return room && room.left < room.reserve ? `is full: its disk has ${sizeText(room.left)} left` : undefined
}

/** LevelDB locks a file; Linux lists such locks by the file's number. Undefined also where that is not told. */
async function holderOf(lockFile: string): Promise<string | undefined> {
  const stats: Stats | undefined = statSync(lockFile, { throwIfNoEntry: false })
  const locks = await readFile('/proc/locks', 'utf8').catch(() => '')
  const line = locks.split('\n').find((lock) => stats !== undefined && lock.includes(`:${stats.ino} `))
  const pid = line?.trim().split(/\s+/)[4]
  return pid && (Number(pid) > 0 ? `process ${pid}` : 'another process')
}

function producerAnswers({ host, port }: { host: string; port: number }): Promise<boolean> {
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  const options = { host: address, port, path: '/healthz', agent: false, signal: AbortSignal.timeout(answerWithinMs) }
  return new Promise((resolve) => {
    get(options, (response) => {
      response.resume()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}
