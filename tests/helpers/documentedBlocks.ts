import { readFileSync } from 'node:fs'

export interface DocumentedBlock {
  /** The heading that it stands under; a second one under the same heading ends in " (2)". */
  readonly title: string
  readonly text: string
}

/** The fenced blocks in one language of a file in docs/, in their order. */
export function documentedBlocks(file: string, language: string): DocumentedBlock[] {
  const sections = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8').split(/^## /m)
  const fence = new RegExp(`^\`\`\`${language}\\n(.+?)^\`\`\``, 'gms')
  return sections.slice(1).flatMap((section) => {
    const title = section.slice(0, section.indexOf('\n'))
    return [...section.matchAll(fence)].map(([, text], n) => ({
      title: n === 0 ? title : `${title} (${n + 1})`,
      text: text as string,
    }))
  })
}
