import { type HostileWebsite, onRequest, redirect, response, say, says, saysWithoutEnd } from './serve.ts'

const nowhere = { error: 'redirects', detail: /^Redirects: to what is no http or https address$/ } as const
const tooMany = { httpStatus: 302, error: 'redirects', detail: /^Redirects: more than 30$/, redirects: 30 } as const
const arrived = { httpStatus: 200, error: null, regexMatch: true, redirects: 1, row: { regex: 'Hello' } } as const
const stayed = { httpStatus: 302, error: null } as const

/** Those that send their visitors elsewhere. */
export const redirectWebsites: readonly HostileWebsite[] = [
  { name: 'redirects without saying where', serve: () => says(response('', '', '302 Found')), ...stayed },
  { name: 'redirects to an empty location', serve: () => says(redirect('')), ...stayed },
  { name: 'redirects to a location of spaces', serve: () => says(redirect('   ')), ...stayed },
  { name: 'redirects to a broken address', serve: () => says(redirect('http://[::1')), httpStatus: 302, ...nowhere },
  { name: 'redirects to no host', serve: () => says(redirect('http://')), httpStatus: 302, ...nowhere },
  {
    name: 'redirects to a port that cannot be',
    serve: () => says(redirect('http://127.0.0.1:99999/')),
    httpStatus: 302,
    ...nowhere,
  },
  { name: 'redirects to port 0', serve: () => says(redirect('http://127.0.0.1:0/')), httpStatus: 302, ...nowhere },
  { name: 'redirects to file:', serve: () => says(redirect('file:///etc/passwd')), httpStatus: 302, ...nowhere },
  {
    name: 'redirects to javascript:',
    serve: () => says(redirect('javascript:alert(1)', '301 Moved')),
    httpStatus: 301,
    ...nowhere,
  },
  {
    name: 'redirects to ftp:',
    serve: () => says(redirect('ftp://127.0.0.1/', '303 See')),
    httpStatus: 303,
    ...nowhere,
  },
  {
    name: 'redirects to data:',
    serve: () => says(redirect('data:text/plain,Hello', '307 Temporary')),
    httpStatus: 307,
    ...nowhere,
  },
  {
    name: 'redirects to an app',
    serve: () => says(redirect('intent://open', '308 Permanent')),
    httpStatus: 308,
    ...nowhere,
  },
  {
    name: 'redirects in a circle',
    serve: () => onRequest((connection, path) => say(connection, redirect(path), 'end')),
    ...tooMany,
  },
  { name: 'redirects over 31 hops', serve: () => hops(31), ...tooMany },
  { name: 'redirects over 30 hops', serve: () => hops(30), ...arrived, redirects: 30 },
  {
    name: 'redirects over 30 slow hops',
    serve: () => hops(30, 200),
    httpStatus: 0,
    error: 'timeout',
    detail: /^(First byte|Connect): no .* within 1.5 s$/,
  },
  {
    name: 'redirects to another port',
    serve: ({ helloPort }) => says(redirect(`http://127.0.0.1:${helloPort}/`)),
    ...arrived,
  },
  {
    name: 'redirects without a scheme',
    serve: ({ helloPort }) => says(redirect(`//127.0.0.1:${helloPort}/`)),
    ...arrived,
  },
  { name: 'redirects with a fragment', serve: () => elsewhere('/found#part', '/found'), ...arrived },
  { name: 'redirects to UTF-8', serve: () => elsewhere('/caf\xc3\xa9?q=\xc3\xa9', '/caf%C3%A9?q=%C3%A9'), ...arrived },
  { name: 'redirects to latin-1', serve: () => elsewhere('/caf\xe9', '/caf%E9'), ...arrived },
  { name: 'redirects with spaces', serve: () => elsewhere('  /a b  ', '/a%20b'), ...arrived },
  { name: 'redirects twice at once', serve: () => elsewhere('/found\r\nLocation: /lost', '/found'), ...arrived },
  {
    name: 'has a Location, but does not redirect',
    serve: () => says(redirect('/lost', '300 Choices')),
    httpStatus: 300,
    error: null,
  },
  { name: 'redirects, and keeps the connection', serve: () => elsewhere('/found', '/found', 'hold'), ...arrived },
  {
    name: 'redirects with a body without end',
    serve: ({ helloPort }) =>
      saysWithoutEnd(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:${helloPort}/\r\n\r\n`, 'x'.repeat(65_536)),
    ...arrived,
  },
  {
    name: 'redirects to where nothing listens',
    serve: ({ closedPort }) => says(redirect(`http://127.0.0.1:${closedPort}/`)),
    httpStatus: 0,
    error: 'refused',
    detail: /^Connect: refused by 127\.0\.0\.1:\d+$/,
    redirects: 1,
  },
  {
    name: 'redirects to a location of 70 kB',
    serve: () => says(redirect(`/${'x'.repeat(70_000)}`)),
    httpStatus: 0,
    error: 'protocol',
    detail: /^First byte: the headers are longer than 64 KiB$/,
  },
]

function hops(count: number, everyMs = 0) {
  return onRequest((connection, path) => {
    const hop = Number(/\/hop(\d+)/.exec(path)?.[1] ?? 0)
    setTimeout(() => say(connection, hop === count ? response('Hello') : redirect(`/hop${hop + 1}`), 'end'), everyMs)
  })
}

/** Says Hello only where it meant to send its visitors. */
function elsewhere(location: string, expected: string, then: 'end' | 'hold' = 'end') {
  return onRequest((connection, path) => {
    if (path === expected) say(connection, response('Hello'), then)
    else say(connection, /found|lost|caf|a%20b/.test(path) ? response('Lost') : redirect(location), then)
  })
}
