/** A URL for people and logs: who sends it, and what it asks for, can be secrets. */
export function shownUrl(url: URL | string): string {
  const parsed = typeof url !== 'string' ? url : URL.canParse(url) ? new URL(url) : undefined
  // Elsewhere, as in mailto:ann:secret@my.example, the path can hold anything; ann:secret@my.example is one of these.
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) return '(no URL)'
  const user = parsed.username || parsed.password ? 'hidden@' : ''
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}${parsed.search && '?hidden'}`
}
