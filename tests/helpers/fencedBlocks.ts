import { readFileSync } from 'node:fs'

/** A fenced block of a page of the documentation. */
export interface Fenced {
  /** `bash`, `sql`, ...; empty: what something prints. */
  readonly language: string
  readonly text: string
}

/** @param page from the project's folder, such as `README.md` */
export function fencedBlocks(page: string): Fenced[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
  return [...text.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)].map(([, , language = '', text = '']) => ({
    language,
    text,
  }))
}

/** The commands of the page's bash blocks, each a line, without what stands behind a # beside it. */
export function commandsOf(page: string): string[] {
  const lines = fencedBlocks(page).flatMap(({ language, text }) => (language === 'bash' ? text.split('\n') : []))
  return lines.map((line) => line.replace(/\s+# .*$/, '').trim()).filter((line) => line !== '')
}
