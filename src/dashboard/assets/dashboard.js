// What pages need beyond HTML and htmx. Everything works without it but the buttons that it serves.

const toast = document.getElementById('toast')
const YEAR_SECONDS = 31536000

/** Shows a short message, which screen readers read out. */
function say(text, shownMs = 2500) {
  toast.textContent = text
  clearTimeout(say.timer)
  if (shownMs > 0) say.timer = setTimeout(() => (toast.textContent = ''), shownMs)
}

/** Copies the text beside a button, or marks it where the browser does not allow that. */
async function copyBeside(button) {
  const code = button.parentElement.querySelector('code')
  try {
    await navigator.clipboard.writeText(code.textContent)
    say('Copied')
  } catch {
    getSelection().selectAllChildren(code)
    say('Press Ctrl+C to copy')
  }
}

/** Changes between light and dark, and has it remembered. */
function switchTheme(path) {
  const root = document.documentElement
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'
  root.dataset.theme = (root.dataset.theme ?? system) === 'dark' ? 'light' : 'dark'
  document.cookie = `tg_theme=${root.dataset.theme}; Path=${path}; Max-Age=${YEAR_SECONDS}; SameSite=Lax`
}

document.addEventListener('click', ({ target }) => {
  const copy = target.closest('[data-copy]')
  if (copy !== null) void copyBeside(copy)
  const theme = target.closest('[data-theme-path]')
  if (theme !== null) switchTheme(theme.dataset.themePath)
})

// Forms that only choose what is shown are sent as soon as something is chosen.
document.addEventListener('change', ({ target }) => {
  if (target.matches('select[data-send]')) target.form.requestSubmit()
})

// A page that nobody sees does not ask for news.
document.addEventListener('htmx:before:request', (event) => {
  if (document.hidden && event.detail.ctx.sourceElement.matches('[data-live]')) event.preventDefault()
})

// What is said once the gateway answers as it should again.
let saidNext
document.addEventListener('htmx:error', () => {
  saidNext = 'The gateway answers again'
  say('The gateway does not answer; trying again', 0)
})
document.addEventListener('htmx:after:request', ({ detail }) => {
  if (saidNext === undefined || detail.ctx.response.status >= 400) return
  say(saidNext)
  saidNext = undefined
})

// Where a page is refused that has nothing of the part that was asked for, the part stays as it is, and why is said.
document.addEventListener('htmx:response:error', ({ detail: { ctx } }) => {
  // Someone whose session has ended signs in again, on a page that was open all the time, too.
  if (ctx.response.status === 401) return location.reload()
  const answer = new DOMParser().parseFromString(ctx.text, 'text/html')
  if (typeof ctx.select !== 'string' || answer.querySelector(ctx.select) !== null) return
  ctx.swap = 'none'
  saidNext = ''
  const reasons = [...answer.querySelectorAll('h1, .about')].map((part) => part.textContent.trim())
  say(reasons.join(': ') || `The answer has the status ${ctx.response.status}`, 0)
})

// A log stays at its end, unless its reader has scrolled up.
function followLogs() {
  for (const log of document.querySelectorAll('.log')) {
    if (log.dataset.isRead === undefined || log.dataset.atEnd === 'true') log.scrollTop = log.scrollHeight
    log.dataset.isRead = 'true'
  }
}
document.addEventListener('htmx:before:swap', () => {
  for (const log of document.querySelectorAll('.log'))
    log.dataset.atEnd = String(log.scrollHeight - log.scrollTop - log.clientHeight < 24)
})
document.addEventListener('htmx:after:settle', followLogs)
followLogs()

// On a phone the navigation is a row: the current page is in sight.
document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' })
