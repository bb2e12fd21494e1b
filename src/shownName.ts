/**
 * A name that somebody gave, for people and logs: as far as it can be the name of a header (RFC 9110, 5.6.2) or of a key.
 * What comes after that was meant to be a value, and so it can be a secret: {"Authorization: Bearer ...": ""}.
 */
export function shownName(name: string): string {
  const [token] = /^[\w!#$%&'*+.^`|~-]*/.exec(name) as RegExpExecArray
  const shown = token.slice(0, 50)
  return shown === name ? shown : `${shown}...`
}
