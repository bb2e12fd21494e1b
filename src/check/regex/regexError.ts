/** The pattern cannot be used, or its search was given up: the reason is a sentence for the check entry's detail. */
export class RegexError extends Error {
  override name = 'RegexError'
}
