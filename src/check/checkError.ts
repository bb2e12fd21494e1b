/**
 * Why a check did not end in a complete HTTP response: the vocabulary of `check_entry.error`,
 * and for each word what it means and where to look. The README's table is this table.
 */
export const checkErrors = {
  dns: 'the name did not resolve: look at the name, its zone, the name server',
  refused: 'nothing listens on that port: look at the web server',
  unreachable: 'no route to the address: look at the network and the firewall',
  reset: 'the connection was cut before a response came: look at the server, a proxy or a firewall in between',
  closed: 'the server closed the connection without a response: look at the web server and its log',
  timeout: 'the deadline passed: look at the phase that the detail names',
  tls: 'no trusted TLS connection: look at the certificate, its chain, its dates and its names',
  protocol: 'what came was not HTTP: look at what listens on that port',
  redirects: 'too many redirects, or one to where webmon does not go: look at the Location headers',
  blocked: 'the address may not be checked: look at monitoring.allow and monitoring.deny',
  aborted: 'the body ended before it was complete: look at the server and proxies in between',
  decode: 'the body was not in the encoding that its headers name: look at Content-Encoding',
  regex: 'the pattern cannot be used or took too long: look at website.regex',
  invalid_url: 'the URL cannot be requested: look at website.url',
  invalid_request: 'the request cannot be sent as configured: look at website.headers',
  internal: 'webmon itself failed: please report it with the log line',
} as const

/** One word of the vocabulary. */
export type CheckError = keyof typeof checkErrors
