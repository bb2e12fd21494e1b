import { existsSync, type Stats, statfsSync, statSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import path from 'node:path'
import type { Config } from '../config.ts'
import { sizeText } from '../configValue.ts'
import { type Finding, note, well, wrong } from '../finding.ts'
import { spoolFolders } from '../spool/folders.ts'
import { fullShare, roomOn } from '../spool/room.ts'

const answerWithinMs = 2_000

const part = 'spool'

/** Looks at the folders of the spool without opening them: that would change them, and producers may be at them. */
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
  const room = whyNoRoom(folder)
  if (room !== undefined) return wrong(part, `${folder} ${room}: new checks pause`, 'make room')
  const folders = await spoolFolders(folder)
  if (folders.length === 0) return well(part, `${folder} is empty: each producer makes a folder of its own in it`)
  const spools = await Promise.all(folders.map(look))
  const full = spools.find(({ bytes }) => bytes >= limitBytes * fullShare)
  if (full) {
    const text = `${full.folder} is full: ${sizeText(full.bytes)} of producer.spool.limit, ${sizeText(limitBytes)}`
    return wrong(part, `${text}: new checks pause`, 'bring Kafka back, or make room')
  }
  const text = spools.map((spool) => textOf(spool, limitBytes)).join('; ')
  const held = spools.find(({ holder }) => holder !== undefined)
  if (held === undefined) return well(part, text)
  const { port } = producer.http
  if (port === 0) return note(part, `${text}: it should be a producer`)
  if (await producerAnswers(producer.http)) return well(part, text)
  return wrong(
    part,
    `${held.folder} is held by ${held.holder}, and no producer answers at ${producer.http.host}:${port}`,
    'end that process, unless it is a producer with another producer.http.port',
  )
}

/** The folder of one producer, or of one that is gone. */
interface ProducerSpool {
  readonly folder: string
  readonly bytes: number
  readonly holder: string | undefined
}

async function look(folder: string): Promise<ProducerSpool> {
  return { folder, bytes: await bytesIn(folder), holder: await holderOf(path.join(folder, 'LOCK')) }
}

function textOf({ folder, bytes, holder }: ProducerSpool, limitBytes: number): string {
  return `${folder} takes ${sizeText(bytes)} of ${sizeText(limitBytes)}${holder ? `, and ${holder} has it open` : ''}`
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

function whyNoRoom(folder: string): string | undefined {
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
