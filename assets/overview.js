// Filters and sorts as you type. The address of the page always says what is shown: it can be kept and passed on.
import { keepFresh, take } from './live.js'

const form = document.getElementById('filter')
form.querySelector('button').hidden = true

function address(page) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''))
  if (query.get('sort') === 'status') query.delete('sort')
  if (page) query.set('page', page)
  return query.size > 0 ? `/?${query}` : '/'
}

function show() {
  history.replaceState(null, '', address())
  take(address()).catch(() => undefined)
}

form.addEventListener('input', show)
form.addEventListener('submit', (event) => {
  event.preventDefault()
  show()
})
keepFresh(() => take(location.href))
