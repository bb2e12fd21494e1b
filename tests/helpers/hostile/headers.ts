import { type HostileWebsite, onRequest, response, say, says, saysAtOnce, saysWithoutEnd } from './serve.ts'

const protocol = { httpStatus: 0, error: 'protocol', detail: /^First byte: / } as const
const tooLong = {
  httpStatus: 0,
  error: 'protocol',
  detail: /^First byte: the headers are longer than 64 KiB$/,
} as const
const fine = { httpStatus: 200, error: null, regexMatch: true, row: { regex: 'Hello' } } as const

/** Those whose headers are odd: some can be understood, some cannot. */
export const headersWebsites: readonly HostileWebsite[] = [
  {
    name: 'sends headers without end',
    serve: () => saysWithoutEnd('HTTP/1.1 200 OK\r\n', 'X-More: yes\r\n'),
    ...tooLong,
  },
  {
    name: 'sends a header without end',
    serve: () => saysWithoutEnd('HTTP/1.1 200 OK\r\nX: ', 'x'.repeat(999)),
    ...tooLong,
  },
  { name: 'sends a header of 70 kB', serve: () => says(response('', `X: ${'x'.repeat(70_000)}\r\n`)), ...tooLong },
  { name: 'sends 10,000 headers', serve: () => says(response('', 'X-More: yes\r\n'.repeat(10_000))), ...tooLong },
  { name: 'sends 4,000 headers', serve: () => says(response('Hello', 'X: y\r\n'.repeat(4_000))), ...fine },
  { name: 'sends a header of 60 kB', serve: () => says(response('Hello', `X: ${'x'.repeat(60_000)}\r\n`)), ...fine },
  { name: 'sends a NUL in a header', serve: () => says(response('', 'X: a\0b\r\n')), ...protocol },
  { name: 'sends a header without a colon', serve: () => says(response('', 'nonsense\r\n')), ...protocol },
  { name: 'sends a header with a space in its name', serve: () => says(response('', 'X Y: z\r\n')), ...protocol },
  {
    name: 'sends a negative length',
    serve: () => says('HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nHello'),
    ...protocol,
  },
  {
    name: 'sends a length in words',
    serve: () => says('HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nHello'),
    ...protocol,
  },
  { name: 'sends a length beyond 64 bits', serve: () => says(length('99999999999999999999999')), ...protocol },
  { name: 'sends two lengths', serve: () => says(length('5\r\nContent-Length: 6')), ...protocol },
  { name: 'sends a length and chunks', serve: () => says(length('5\r\nTransfer-Encoding: chunked')), ...protocol },
  {
    name: 'sends early hints and then a page',
    serve: () => says(`HTTP/1.1 103 Early Hints\r\n\r\n${hello()}`),
    ...fine,
  },
  {
    name: 'asks to continue and then sends a page',
    serve: () => says(`HTTP/1.1 100 Continue\r\n\r\n${hello()}`),
    ...fine,
  },
  { name: 'answers before it is asked', serve: () => saysAtOnce(hello()), ...fine },
  { name: 'answers twice', serve: () => says(hello() + hello()), ...fine },
  { name: 'speaks HTTP/1.0 and gives no length', serve: () => says('HTTP/1.0 200 OK\r\n\r\nHello'), ...fine },
  { name: 'gives no length', serve: () => says('HTTP/1.1 200 OK\r\n\r\nHello'), ...fine },
  { name: 'gives no reason', serve: () => says('HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nHello'), ...fine },
  { name: 'sends more than its length', serve: () => says(`${hello()} and more`, 'hold'), ...fine },
  {
    name: 'answers with the status 999',
    serve: () => says(response('', '', '999 What')),
    httpStatus: 999,
    error: null,
  },
  { name: 'switches protocols', serve: () => says(switching(''), 'hold'), httpStatus: 101, error: null },
  {
    name: 'switches protocols and goes on',
    serve: () => says(switching('\x81\x05Hello'), 'hold'),
    httpStatus: 101,
    error: null,
  },
  {
    name: 'switches protocols and resets',
    serve: () =>
      onRequest((connection) => {
        say(connection, switching(''), 'hold')
        setTimeout(() => connection.resetAndDestroy?.(), 20)
      }),
    httpStatus: 101,
    error: null,
  },
  {
    name: 'answers without reading the 6 MB that are sent to it',
    serve: () => (connection) => {
      connection.pause()
      say(connection, hello(), 'hold')
    },
    deaf: true,
    ...fine,
    row: { method: 'POST', body: 'x'.repeat(6_000_000), regex: 'Hello' },
  },
]

function hello(): string {
  return response('Hello').toString('latin1')
}

function length(value: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${value}\r\n\r\nHello`
}

function switching(more: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n${more}`
}
