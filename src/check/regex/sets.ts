import { readSetEscape } from './escapes.ts'
import type { Tokens } from './tokens.ts'
import { length } from './tokens.ts'
import { type Category, character, type Flags, type Node, type Range, set } from './tree.ts'

/** A set, `[...]`, whose `[` has been taken. Python knows no set operators and no `[:alpha:]`. */
export function readSet(tokens: Tokens, flags: Flags): Node {
  const start = tokens.position - 1
  const negated = tokens.match('^')
  const ranges: Range[] = []
  const categories: Category[] = []
  const add = (member: number | Category) => {
    if (typeof member === 'number') ranges.push([member, member])
    else categories.push(member)
  }
  const take = () => {
    const token = tokens.take()
    if (token === null) throw tokens.errorAt('unterminated character set', start)
    return token
  }
  for (;;) {
    const token = take()
    const first = ranges.length + categories.length === 0
    if (token === ']' && !first) break
    const member = readMember(tokens, token)
    if (!tokens.match('-')) {
      add(member)
      continue
    }
    const end = take()
    if (end === ']') {
      add(member)
      add(0x2d)
      break
    }
    const last = readMember(tokens, end)
    if (typeof member !== 'number' || typeof last !== 'number' || last < member) {
      throw tokens.error(`bad character range ${token}-${end}`, length(token) + 1 + length(end))
    }
    ranges.push([member, last])
  }
  const single = ranges[0]
  if (ranges.length === 1 && categories.length === 0 && !negated && single && single[0] === single[1]) {
    return character(single[0], flags)
  }
  return set(negated, ranges, categories, flags)
}

function readMember(tokens: Tokens, token: string): number | Category {
  return token.startsWith('\\') ? readSetEscape(tokens, token) : (token.codePointAt(0) ?? 0)
}
