/** A URL for people and logs: who sends it, and what it asks for, can be secrets. */
export function shownUrl(url: URL | string): string {
  const parsed = typeof url !== 'string' ? url : URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined) return '(no URL)'
  const user = parsed.username || parsed.password ? 'hidden@' : ''
  return `${parsed.protocol}//${user}${parsed.host}${parsed.pathname}${parsed.search && '?hidden'}`
}
