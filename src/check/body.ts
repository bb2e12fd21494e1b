import type { IncomingMessage } from 'node:http'
import { Transform, type TransformCallback } from 'node:stream'
import zlib from 'node:zlib'
import type { Cancellation } from './cancellation.ts'
import { Failure } from './failure.ts'

/** What `Accept-Encoding` may say: what can be undone here. Zstandard came with Node 22.15. */
const zstd = (zlib as { createZstdDecompress?: () => Transform }).createZstdDecompress
export const acceptEncoding = `gzip, deflate, br${zstd ? ', zstd' : ''}`

/** So many encodings on top of each other are undone, as in `requests`. */
const maxEncodings = 5
/**
 * What is read of a body for each byte of the page that is wanted, before it is decoded. A page needs less, but empty
 * blocks of deflate without end would keep the processor busy until the deadline.
 */
const encodedShare = 2
/** More than what has been read and waits to be decoded. */
const encodedSlack = 262_144
/** Chunks of one byte each took 1 µs and 400 bytes of memory each. */
const maxPieces = 50_000

/**
 * Reads a body up to so many bytes, counted after decompression; what comes beyond is not read, so that memory stays
 * flat under bombs and endless bodies. The same goes for the many small pieces of a body that nobody sends in earnest.
 * The connection is closed in any case.
 *
 * @throws {Failure} aborted, decode; the reason of the cancellation
 */
export function readBody(response: IncomingMessage, maxBytes: number, cancellation: Cancellation): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let finished = false
    const stages: Transform[] = []
    const settle = (act: () => void) => {
      if (finished) return
      finished = true
      for (const stage of stages) stage.destroy()
      response.destroy()
      act()
    }
    const fail = (reason: unknown) => settle(() => reject(reason))
    const end = () => settle(() => resolve(joined(chunks).subarray(0, maxBytes)))
    const endAfter = (stream: IncomingMessage | Transform, most: number) => {
      let bytes = 0
      let pieces = 0
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length
        pieces++
        if (bytes >= most || pieces >= maxPieces) end()
      })
    }
    const broken = (error: Error | null) => fail(error instanceof Failure ? error : new Failure('aborted', cutOff))

    cancellation.begin(fail)
    response.on('error', broken)
    if (response.destroyed) broken(response.errored)
    const encodings = encodingsOf(response.headers['content-encoding'])
    if (encodings.length > maxEncodings) {
      fail(new Failure('decode', `Body: ${encodings.length} encodings, one on top of the other`))
    }
    if (finished) return
    stages.push(...decoders(encodings))
    let last: IncomingMessage | Transform = response
    let isEmpty = true
    for (const stage of stages) {
      endAfter(last, maxBytes * encodedShare + encodedSlack)
      last.on('data', () => {
        isEmpty = false
      })
      stage.on('error', (error) => {
        // No body is not encoded either: the answers to HEAD, 204 and 304 among them.
        if (isEmpty && response.complete) end()
        else fail(damaged(error, response.complete))
      })
      last = last.pipe(stage)
    }
    last.on('data', (chunk: Buffer) => chunks.push(chunk))
    endAfter(last, maxBytes)
    last.on('end', end)
  })
}

/** Most pages come in one piece, which need not be copied. */
function joined(chunks: readonly Buffer[]): Buffer {
  const [first, ...others] = chunks
  return first && others.length === 0 ? first : Buffer.concat(chunks)
}

const cutOff = 'Body: the connection ended before the body was complete'

function encodingsOf(contentEncoding: string | undefined): string[] {
  if (contentEncoding === undefined) return []
  return contentEncoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

/** In reverse: the last named was put on last (RFC 9110, 8.4). An unknown one is left as it is, as `requests` does. */
function decoders(encodings: readonly string[]): Transform[] {
  return encodings.toReversed().flatMap((name) => {
    if (name === 'gzip' || name === 'x-gzip') return zlib.createGunzip()
    if (name === 'deflate') return new EitherInflate()
    if (name === 'br') return zlib.createBrotliDecompress()
    return name === 'zstd' && zstd ? zstd() : []
  })
}

/** `deflate` is zlib's format by the book (RFC 9110, 8.4.1.2), and bare deflate from many servers: the first byte tells. */
class EitherInflate extends Transform {
  #inner: zlib.Inflate | zlib.InflateRaw | undefined

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    if (this.#inner === undefined) {
      const wrapped = ((chunk[0] ?? 0) & 0x0f) === 8
      this.#inner = wrapped ? zlib.createInflate() : zlib.createInflateRaw()
      this.#inner.on('data', (data: Buffer) => {
        if (!this.push(data)) this.#inner?.pause()
      })
      this.#inner.on('error', (error) => this.destroy(error))
    }
    this.#inner.write(chunk, () => done())
  }

  override _read(size: number): void {
    this.#inner?.resume()
    super._read(size)
  }

  /** It has ended already where there is more behind what was compressed. */
  override _flush(done: TransformCallback): void {
    if (this.#inner === undefined || this.#inner.readableEnded) {
      done()
    } else {
      this.#inner.once('end', () => done())
      this.#inner.end()
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner?.destroy()
    done(error)
  }
}

function damaged(error: NodeJS.ErrnoException, complete: boolean): Failure {
  if (!complete && error.code === 'Z_BUF_ERROR') {
    return new Failure('aborted', cutOff)
  }
  const reason = error.code === 'Z_BUF_ERROR' ? 'it ends too early' : (error.code ?? 'damaged')
  return new Failure('decode', `Body: not encoded as its Content-Encoding says (${reason})`)
}
