// placeholder until the regex author overwrites this file
export class RegexSearch {
  async search(pattern: string, text: string): Promise<boolean> {
    return new RegExp(pattern, 'u').test(text)
  }
  async close(): Promise<void> {}
}
