import zlib from 'node:zlib'
import { type HostileWebsite, response, says, saysWithoutEnd } from './serve.ts'

const page = `Hello ${'world '.repeat(1_000)}`
const fine = { httpStatus: 200, error: null, regexMatch: true, row: { regex: 'Hello' } } as const
const capped = { httpStatus: 200, error: null, regexMatch: true, row: { regex: '0'.repeat(1_000) } } as const
const decode = { httpStatus: 200, error: 'decode', detail: /^Body: / } as const
const aborted = { httpStatus: 200, error: 'aborted', detail: /^Body: the connection ended before/ } as const
/** There is no end to wait for, and nothing to see: read as far as anything is. */
const nothing = { httpStatus: 200, error: null } as const

const { gzipSync, deflateSync, deflateRawSync, brotliCompressSync, constants } = zlib

/** A megabyte of the letter 0 as a piece of a deflate stream, 1 kB: as often as one likes, one after the other. */
const megabyte = deflateRawSync(Buffer.alloc(1_000_000, '0'), { finishFlush: constants.Z_FULL_FLUSH })
const gzipHead = gzipSync('').subarray(0, 10)
const zlibHead = deflateSync('').subarray(0, 2)
const emptyBlocks = Buffer.from('000000ffff'.repeat(10_000), 'hex')

/** Node 22.15 and newer. */
const { zstdCompressSync } = zlib as { zstdCompressSync?: (page: Buffer | string) => Buffer }

function zstdWebsites(zstd: (page: Buffer | string) => Buffer): HostileWebsite[] {
  return [
    { name: 'sends zstd', serve: () => says(encoded('zstd', zstd(page))), ...fine },
    { name: 'sends no body and calls it zstd', serve: () => says(encoded('zstd')), ...nothing },
    { name: 'sends text and calls it zstd', serve: () => says(encoded('zstd', page)), ...decode },
    { name: 'ends its zstd too early', serve: () => says(encoded('zstd', zstd(page).subarray(0, -3))), ...decode },
    {
      name: 'sends a zstd bomb of 500 MB',
      serve: () => says(encoded('zstd', zstd(Buffer.alloc(5e8, '0')))),
      ...capped,
    },
    { name: 'wants a window of 2 GB for its zstd', serve: () => says(encoded('zstd', hugeWindow)), ...decode },
  ]
}

/** RFC 8878, 3.1.1: magic number, a frame of unknown size with a window of 2^31 bytes, and a block of 5 bytes. */
const hugeWindow = Buffer.from('28b52ffd00a829000048656c6c6f', 'hex')

/** Those that compress their page, or say so. */
export const encodingWebsites: readonly HostileWebsite[] = [
  ...(zstdCompressSync ? zstdWebsites(zstdCompressSync) : []),
  { name: 'sends gzip', serve: () => says(encoded('gzip', gzipSync(page))), ...fine },
  { name: 'sends gzip in two members', serve: () => says(encoded('gzip', gzipSync('He'), gzipSync('llo'))), ...fine },
  {
    name: 'sends gzip and zeros behind it',
    serve: () => says(encoded('gzip', gzipSync(page), Buffer.alloc(9))),
    ...fine,
  },
  { name: 'calls it x-gzip', serve: () => says(encoded('X-GZIP', gzipSync(page))), ...fine },
  { name: 'sends deflate by the book', serve: () => says(encoded('deflate', deflateSync(page))), ...fine },
  { name: 'sends bare deflate', serve: () => says(encoded('deflate', deflateRawSync(page))), ...fine },
  {
    name: 'sends deflate and more behind it',
    serve: () => says(encoded('deflate', deflateSync(page), tail())),
    ...fine,
  },
  {
    name: 'sends bare deflate and more behind it',
    serve: () => says(encoded('deflate', deflateRawSync(page), tail())),
    ...fine,
  },
  { name: 'sends brotli', serve: () => says(encoded('br', brotliCompressSync(page))), ...fine },
  { name: 'encodes twice', serve: () => says(encoded('gzip, br', brotliCompressSync(gzipSync(page)))), ...fine },
  { name: 'encodes five times', serve: () => says(encoded(many('gzip', 5), nested(page, 5))), ...fine },
  { name: 'encodes 20 times', serve: () => says(encoded(many('gzip', 20), nested(page, 20))), ...decode },
  { name: 'names 10,000 encodings', serve: () => says(encoded(many('gzip', 10_000), gzipSync(page))), ...decode },
  { name: 'names an encoding that nobody knows', serve: () => says(encoded('zip', page)), ...fine },
  { name: 'names the encoding identity', serve: () => says(encoded('identity', page)), ...fine },
  { name: 'names encodings that are empty', serve: () => says(encoded(',, gzip ,', gzipSync(page))), ...fine },
  { name: 'sends no body and calls it gzip', serve: () => says(encoded('gzip')), httpStatus: 200, error: null },
  { name: 'sends no body and calls it deflate', serve: () => says(encoded('deflate')), httpStatus: 200, error: null },
  { name: 'sends no body and calls it brotli', serve: () => says(encoded('br')), httpStatus: 200, error: null },
  {
    name: 'sends no body with 204 and calls it gzip',
    serve: () => says('HTTP/1.1 204 No\r\nContent-Encoding: gzip\r\n\r\n'),
    httpStatus: 204,
    error: null,
  },
  { name: 'sends text and calls it gzip', serve: () => says(encoded('gzip', page)), ...decode },
  { name: 'sends text and calls it deflate', serve: () => says(encoded('deflate', page)), ...decode },
  { name: 'sends text and calls it brotli', serve: () => says(encoded('br', page)), ...decode },
  { name: 'ends its gzip too early', serve: () => says(encoded('gzip', gzipSync(page).subarray(0, -12))), ...decode },
  {
    name: 'ends its deflate too early',
    serve: () => says(encoded('deflate', deflateSync(page).subarray(0, -6))),
    ...decode,
  },
  {
    name: 'ends its bare deflate too early',
    serve: () => says(encoded('deflate', deflateRawSync(page).subarray(0, -2))),
    ...decode,
  },
  {
    name: 'ends its brotli too early',
    serve: () => says(encoded('br', brotliCompressSync(page).subarray(0, -2))),
    ...decode,
  },
  { name: 'closes within its gzip', serve: () => says(encoded('gzip', gzipSync(page)).subarray(0, -12)), ...aborted },
  {
    name: 'closes within its brotli',
    serve: () => says(encoded('br', brotliCompressSync(page)).subarray(0, -2)),
    ...aborted,
  },
  // Browsers and `requests` look over it; Node's zlib does not, nor does curl.
  { name: 'sends gzip and more behind it', serve: () => says(encoded('gzip', gzipSync(page), tail())), ...decode },
  { name: 'sends gzip with a wrong checksum', serve: () => says(encoded('gzip', wrongChecksum())), ...decode },
  { name: 'sends a gzip bomb of 1 GB', serve: () => says(encoded('gzip', gzipBomb())), ...capped },
  { name: 'sends a deflate bomb of 1 GB', serve: () => says(encoded('deflate', zlibHead, gigabyte())), ...capped },
  { name: 'sends a bare deflate bomb of 1 GB', serve: () => says(encoded('deflate', gigabyte())), ...capped },
  { name: 'sends a brotli bomb of 500 MB', serve: () => says(encoded('br', brotliBomb())), ...capped },
  { name: 'sends a bomb within a bomb', serve: () => says(encoded('gzip, gzip', gzipSync(gzipBomb()))), ...capped },
  {
    name: 'sends a bomb within deflate',
    serve: () => says(encoded('gzip, deflate', deflateSync(gzipBomb()))),
    ...capped,
  },
  {
    name: 'sends empty gzip members without end',
    serve: () => saysWithoutEnd(encodedHead('gzip'), emptyMembers()),
    ...nothing,
  },
  {
    name: 'sends empty blocks without end',
    serve: () => saysWithoutEnd(Buffer.concat([encodedHead('gzip'), gzipHead]), emptyBlocks),
    ...nothing,
  },
  {
    name: 'sends a deflate bomb of empty blocks, 300 MB of them',
    serve: () =>
      says(
        encoded(
          'deflate, deflate',
          deflateSync(Buffer.concat([zlibHead, ...Array.from({ length: 6_000 }, () => emptyBlocks)])),
        ),
      ),
    ...nothing,
  },
]

function gigabyte(): Buffer {
  return Buffer.concat(Array.from({ length: 1_000 }, () => megabyte))
}

function gzipBomb(): Buffer {
  return Buffer.concat([gzipHead, gigabyte()])
}

function encoded(encoding: string, ...body: readonly (Buffer | string)[]): Buffer {
  return response(Buffer.concat(body.map((part) => Buffer.from(part))), `Content-Encoding: ${encoding}\r\n`)
}

function encodedHead(encoding: string): Buffer {
  return Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\n\r\n`)
}

function many(encoding: string, times: number): string {
  return Array.from({ length: times }, () => encoding).join(',')
}

function nested(text: string, times: number): Buffer {
  return Array.from({ length: times }).reduce<Buffer>((inner) => gzipSync(inner), Buffer.from(text))
}

function tail(): Buffer {
  return Buffer.from('\r\n<!-- served by a proxy that means well -->')
}

function wrongChecksum(): Buffer {
  const bytes = gzipSync(page)
  bytes.writeUInt32LE(0, bytes.length - 8)
  return bytes
}

function brotliBomb(): Buffer {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN } = constants
  return brotliCompressSync(Buffer.alloc(500_000_000, '0'), {
    params: { [BROTLI_PARAM_QUALITY]: 2, [BROTLI_PARAM_LGWIN]: 24 },
  })
}

function emptyMembers(): Buffer {
  const member = gzipSync('')
  return Buffer.concat(Array.from({ length: 3_000 }, () => member))
}
