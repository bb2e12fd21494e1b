import { drips, type HostileWebsite, onRequest, response, say, says, saysWithoutEnd } from './serve.ts'

const head = 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n'
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`
const timeout = { httpStatus: 200, error: 'timeout', detail: /^Body: not complete after 1.5 s$/ } as const
const aborted = { httpStatus: 200, error: 'aborted', detail: /^Body: the connection ended before/ } as const
const protocol = { httpStatus: 200, error: 'protocol', detail: /^Body: / } as const
const fine = { httpStatus: 200, error: null, regexMatch: true, row: { regex: 'Hello' } } as const

/** Those whose headers come as they should, and whose body does not. */
export const bodyWebsites: readonly HostileWebsite[] = [
  { name: 'falls silent after its headers', serve: () => says(`${head}Content-Length: 9\r\n\r\n`, 'hold'), ...timeout },
  {
    name: 'falls silent within its body',
    serve: () => says(`${head}Content-Length: 9\r\n\r\nHello`, 'hold'),
    ...timeout,
  },
  { name: 'gives no length and does not close', serve: () => says(`${head}\r\nHello`, 'hold'), ...timeout },
  { name: 'drips its body', serve: () => drips(`${head}Content-Length: 999999\r\n\r\n`, 'x'), ...timeout },
  { name: 'drips chunks', serve: () => drips(chunked, '1\r\nx\r\n'), ...timeout },
  { name: 'drips the extensions of a chunk', serve: () => drips(`${chunked}5;a=`, 'x'), ...timeout },
  { name: 'drips trailers', serve: () => drips(`${chunked}5\r\nHello\r\n0\r\n`, 'X-More: yes\r\n'), ...timeout },
  { name: 'closes before its length', serve: () => says(`${head}Content-Length: 1000\r\n\r\nHello`), ...aborted },
  { name: 'closes right after its headers', serve: () => says(`${head}Content-Length: 1000\r\n\r\n`), ...aborted },
  { name: 'closes before its last chunk', serve: () => says(`${chunked}5\r\nHello\r\n`), ...aborted },
  { name: 'closes within a chunk', serve: () => says(`${chunked}50\r\nHello`), ...aborted },
  {
    name: 'resets right after its headers',
    serve: () => says(`${head}Content-Length: 9\r\n\r\n`, 'reset'),
    ...aborted,
  },
  { name: 'resets within its body', serve: () => says(`${head}Content-Length: 9\r\n\r\nHello`, 'reset'), ...aborted },
  {
    name: 'resets later within its body',
    serve: () =>
      onRequest((connection) => {
        say(connection, `${head}Content-Length: 9\r\n\r\nHello`, 'hold')
        setTimeout(() => connection.resetAndDestroy?.(), 50)
      }),
    ...aborted,
  },
  {
    name: 'names the size of a chunk in words',
    serve: () => says(`${chunked}five\r\nHello\r\n0\r\n\r\n`),
    ...protocol,
  },
  { name: 'gives a chunk no size', serve: () => says(`${chunked}\r\nHello\r\n0\r\n\r\n`), ...protocol },
  { name: 'gives a chunk a negative size', serve: () => says(`${chunked}-5\r\nHello\r\n0\r\n\r\n`), ...protocol },
  {
    name: 'gives a chunk a size beyond 64 bits',
    serve: () => says(`${chunked}${'f'.repeat(20)}\r\nHello`),
    ...protocol,
  },
  {
    name: 'sends a chunk that is longer than its size',
    serve: () => says(`${chunked}3\r\nHello\r\n0\r\n\r\n`),
    ...protocol,
  },
  {
    name: 'sends a good chunk, and later one without a size',
    serve: () =>
      onRequest((connection) => {
        say(connection, `${chunked}5\r\nHello\r\n`, 'hold')
        setTimeout(() => say(connection, 'what?\r\n', 'hold'), 50)
      }),
    ...protocol,
  },
  {
    name: 'sends the extensions of a chunk without end',
    serve: () => saysWithoutEnd(`${chunked}5;a=`, 'x'.repeat(65_536)),
    ...protocol,
  },
  {
    name: 'sends trailers without end',
    serve: () => saysWithoutEnd(`${chunked}5\r\nHello\r\n0\r\n`, 'X-More: yes\r\n'.repeat(999)),
    ...protocol,
  },
  {
    name: 'sends chunks with extensions and trailers',
    serve: () => says(`${chunked}5;a="b"\r\nHello\r\n0\r\nX: y\r\n\r\n`),
    ...fine,
  },
  { name: 'sends a body without end', serve: () => saysWithoutEnd(`${head}\r\nHello`, 'x'.repeat(65_536)), ...fine },
  {
    name: 'sends chunks of one byte without end',
    serve: () => saysWithoutEnd(`${chunked}5\r\nHello\r\n`, '1\r\nx\r\n'.repeat(10_000)),
    ...fine,
  },
  {
    name: 'promises 9 exabytes',
    serve: () => saysWithoutEnd(`${head}Content-Length: 9000000000000000000\r\n\r\nHello`, 'x'.repeat(65_536)),
    ...fine,
  },
  {
    name: 'sends a body with the status 204',
    serve: () => says(response('Hello', '', '204 No Content')),
    httpStatus: 204,
    error: null,
  },
  {
    name: 'sends a body with the status 304',
    serve: () => says(response('Hello', '', '304 Not Modified')),
    httpStatus: 304,
    error: null,
  },
  {
    name: 'sends a body to HEAD',
    serve: () => says(response('Hello')),
    httpStatus: 200,
    error: null,
    row: { method: 'HEAD' },
  },
  {
    name: 'is searched with a pattern that takes for ever',
    serve: () => says(response(`${'a'.repeat(500_000)}!`)),
    row: { regex: '(a+)+$' },
    httpStatus: 200,
    error: 'regex',
    detail: /^Regex: /,
  },
  {
    name: 'is searched with a pattern that goes back at each letter of 1 MB',
    serve: () => says(response('ab'.repeat(500_000))),
    row: { regex: 'a.{0,900}[cd]|b.{900}[cd]' },
    httpStatus: 200,
    error: 'regex',
    detail: /^Regex: /,
  },
]
