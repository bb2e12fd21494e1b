// Fetches a page again and takes over what has changed of it: every element with `data-live`, by its id.
// The server makes all HTML, so a label is written in one place, and the page is whole without this.

const everyMs = 5_000

/** Puts the live parts of `url` in place of those of the page. Returns false when a newer call has overtaken this one. */
let calls = 0
export async function take(url) {
  const call = ++calls
  const response = await fetch(url, { headers: { accept: 'text/html' } })
  const text = await response.text()
  if (call !== calls) return false
  // An answer without our parts tells of trouble: what is there stays, and says how old it is.
  if (!response.ok) throw new Error(String(response.status))
  const fresh = new DOMParser().parseFromString(text, 'text/html')
  document.title = fresh.title
  for (const part of document.querySelectorAll('[data-live]')) {
    const next = fresh.getElementById(part.id)
    if (next && next.outerHTML !== part.outerHTML) replace(part, next)
  }
  return true
}

/** What was opened stays open, and what had the focus keeps it. */
function replace(part, next) {
  for (const { id } of part.querySelectorAll('details[open][id]'))
    next.querySelector(`#${CSS.escape(id)}`)?.setAttribute('open', '')
  const links = [...part.querySelectorAll('a, summary, [tabindex]')]
  const focused = links.indexOf(document.activeElement)
  const scrolled = part.querySelector('.scroll')?.scrollLeft ?? 0
  part.replaceWith(next)
  if (scrolled) next.querySelector('.scroll').scrollLeft = scrolled
  if (focused >= 0) next.querySelectorAll('a, summary, [tabindex]')[focused]?.focus({ preventScroll: true })
}

/** Calls `refresh` every 5 s while somebody looks, and says so when there is no answer. */
export function keepFresh(refresh) {
  let running = false
  const turn = async () => {
    if (running || document.hidden) return
    running = true
    try {
      await refresh()
    } catch {
      const note = document.getElementById('as-of')
      note.classList.add('old')
      if (!note.dataset.told) note.prepend('No answer from webmon. ')
      note.dataset.told = 'true'
    } finally {
      running = false
    }
  }
  setInterval(turn, everyMs)
  document.addEventListener('visibilitychange', turn)
}
