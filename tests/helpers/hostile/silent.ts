import { drips, type HostileWebsite, onRequest, response, says, saysAtOnce, saysWithoutEnd } from './serve.ts'

const timeout = { httpStatus: 0, error: 'timeout', detail: /^First byte: no response within 1.5 s$/ } as const
const closed = { httpStatus: 0, error: 'closed', detail: /^First byte: the server closed the connection/ } as const
const reset = { httpStatus: 0, error: 'reset', detail: /^First byte: the connection was reset/ } as const
/** libuv reports a reset that comes right behind data as an end. */
const orClosed = { otherError: 'closed', detail: /^First byte: / } as const
const protocol = { httpStatus: 0, error: 'protocol', detail: /^First byte: / } as const

/** Those that say nothing, or nothing that is HTTP. */
export const silentWebsites: readonly HostileWebsite[] = [
  { name: 'accepts and never replies', serve: () => (connection) => connection.resume(), ...timeout },
  { name: 'does not even read', serve: () => (connection) => connection.pause(), deaf: true, ...timeout },
  {
    name: 'does not read the 6 MB that are sent to it',
    serve: () => (connection) => connection.pause(),
    deaf: true,
    row: { method: 'POST', body: 'x'.repeat(6_000_000) },
    ...timeout,
  },
  {
    name: 'drips one byte of its headers at a time',
    serve: () => drips('HTTP/1.1 200 OK\r\nX-Slow: ', 'x'),
    ...timeout,
  },
  { name: 'drips one header at a time', serve: () => drips('HTTP/1.1 200 OK\r\n', 'X-Slow: yes\r\n'), ...timeout },
  { name: 'stops within the status line', serve: () => says('HTTP/1.1 2', 'hold'), ...timeout },
  { name: 'stops within its headers', serve: () => says('HTTP/1.1 200 OK\r\nContent-', 'hold'), ...timeout },
  {
    name: 'drips early hints without end',
    serve: () => drips('', 'HTTP/1.1 103 Early Hints\r\n\r\n', 100),
    ...timeout,
  },
  { name: 'closes at once', serve: () => saysAtOnce(''), ...closed },
  { name: 'closes when it is asked', serve: () => says(''), ...closed },
  { name: 'closes within the status line', serve: () => says('HTTP/1.1 2'), ...closed },
  { name: 'closes after the status line', serve: () => says('HTTP/1.1 200 OK\r\n'), ...closed },
  { name: 'closes within its headers', serve: () => says('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX'), ...closed },
  { name: 'closes after early hints', serve: () => says('HTTP/1.1 103 Early Hints\r\n\r\n'), ...closed },
  {
    name: 'resets at once',
    serve: () => (connection) => connection.resetAndDestroy?.(),
    ...reset,
    detail: /^(Connect|First byte): /,
  },
  { name: 'resets when it is asked', serve: () => onRequest((connection) => connection.resetAndDestroy?.()), ...reset },
  { name: 'resets within its headers', serve: () => says('HTTP/1.1 200 OK\r\nX', 'reset'), ...reset, ...orClosed },
  { name: 'speaks SMTP', serve: () => saysAtOnce('220 mail.example ESMTP ready\r\n', 'hold'), ...protocol },
  { name: 'speaks SSH', serve: () => saysAtOnce('SSH-2.0-OpenSSH_9.7\r\n', 'hold'), ...protocol },
  { name: 'speaks HTTP/0.9', serve: () => says('<html>Hello</html>'), ...protocol },
  { name: 'speaks HTTP/2', serve: () => saysAtOnce(Buffer.from('000006040000000000000300000064', 'hex')), ...protocol },
  { name: 'sends random bytes without end', serve: () => saysWithoutEnd('', Buffer.alloc(65_536, 0xfe)), ...protocol },
  { name: 'sends empty lines without end', serve: () => saysWithoutEnd('', '\r\n'.repeat(10_000)), ...protocol },
  { name: 'sends a line without end', serve: () => saysWithoutEnd('HTTP/1.1 200 ', 'x'.repeat(65_536)), ...protocol },
  { name: 'sends early hints without end', serve: () => saysWithoutEnd('', hints(500)), ...protocol },
  { name: 'speaks HTTP of a version to come', serve: () => says('HTTP/7.3 200 OK\r\n\r\n'), ...protocol },
  { name: 'has a status of two digits', serve: () => says('HTTP/1.1 99 Low\r\n\r\n'), ...protocol },
  { name: 'has a status of four digits', serve: () => says('HTTP/1.1 1000 High\r\n\r\n'), ...protocol },
  { name: 'has the status 000', serve: () => says(response('', '', '000 None')), ...protocol },
  { name: 'has a status in words', serve: () => says('HTTP/1.1 OK\r\n\r\n'), ...protocol },
]

function hints(count: number): string {
  return 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n'.repeat(count)
}
