import { readFileSync, realpathSync, statSync } from 'node:fs'

const othersMayRead = 0o004
const secretKey = /password$|\.webhook$|\.headers\.|^alerts\.heartbeat$/
/**
 * The password of the database that docker-compose and `make local` bring along: it stands in the repository, and opens
 * nothing that is reachable from outside. A warning at each first start would teach people not to read warnings.
 */
const publicExample = { key: 'database.password', value: 'webmon' }

/** Which files hold secrets, and which of these every user of the machine may read. */
export class OpenSecrets {
  readonly #keys = new Map<string, string[]>()

  /** @param value of the key, as it stands in that file */
  inText(file: string, key: string, value: unknown): void {
    if (typeof value !== 'string' || (key === publicExample.key && value === publicExample.value)) return
    if ((secretKey.test(key) && value !== '') || (key === 'monitoring.proxy' && hasPassword(value))) {
      this.#add(file, key)
    }
  }

  /** A key that is encrypted tells nobody anything. */
  inPem(file: string, key: string, pem: string): void {
    if (/-----BEGIN (\w+ )?PRIVATE KEY-----/.test(pem) && !/ENCRYPTED/.test(pem)) this.#add(file, key)
  }

  /** A line for each file. Where the system has no such modes (Windows), none. */
  warnings(): string[] {
    if (process.platform === 'win32') return []
    return [...this.#keys].flatMap(([file, keys]) => {
      const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
      if ((mode & othersMayRead) === 0 || isOnReadOnlyMount(file)) return []
      const octal = (mode & 0o777).toString(8)
      return [
        `${file} holds ${keys.join(', ')}, and every user of this machine may read it (mode ${octal}): ` +
          'chmod 600 it, or 640 with a group that webmon is in',
      ]
    })
  }

  #add(file: string, key: string): void {
    this.#keys.set(file, [...(this.#keys.get(file) ?? []), key])
  }
}

function hasPassword(url: string): boolean {
  return URL.canParse(url) && new URL(url).password !== ''
}

/**
 * That is how containers get their secrets, readable for all because nobody else is there: nothing can be changed from
 * inside, and outside a mode of 600 would keep out the user of the container, who is none of the host's. Linux tells,
 * with blanks of a folder's name as \040: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
 */
function isOnReadOnlyMount(file: string): boolean {
  try {
    const real = realpathSync(file)
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' '))
      .map(([, , , , point = '', options = '']) => ({
        folder: `${point.replaceAll(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)))}/`,
        options: options.split(','),
      }))
      .filter(({ folder }) => folder === '//' || real.startsWith(folder))
    const nearest = mounts.reduce((longest, one) => (one.folder.length >= longest.folder.length ? one : longest))
    return nearest.options.includes('ro')
  } catch {
    return false
  }
}
