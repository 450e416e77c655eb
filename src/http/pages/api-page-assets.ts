/** Opens the viewer; with a token, on the caller's own document. The token stays in the page. */
export const API_PAGE_SCRIPT = `'use strict'
const viewer = document.getElementById('viewer')
const form = document.getElementById('token-form')
const note = document.getElementById('note')
function open(url, token) {
  const ui = SwaggerUIBundle({
    url,
    domNode: viewer,
    deepLinking: true,
    filter: true,
    docExpansion: 'none',
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    persistAuthorization: false,
    requestInterceptor: (request) => {
      if (token !== '') request.headers.Authorization = 'Bearer ' + token
      return request
    },
    onComplete: () => {
      if (token !== '') ui.preauthorizeApiKey('bearer', token)
    },
  })
}
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const token = document.getElementById('token').value.trim()
  const url = token === '' ? viewer.dataset.document : viewer.dataset.ownDocument
  const headers = token === '' ? {} : { authorization: 'Bearer ' + token }
  const answer = await fetch(url, { headers })
  if (answer.ok) {
    note.textContent = token === '' ? '' : 'These are the operations of this token.'
    open(url, token)
  } else {
    const problem = await answer.json().catch(() => ({}))
    note.textContent = problem.detail || problem.title || 'The gateway answered ' + answer.status
  }
})
open(viewer.dataset.document, '')
`

/** The form above the viewer. */
export const API_PAGE_STYLE = `
body { margin: 0; background: #fff; color: #1b1f24; font: 1rem/1.5 system-ui, sans-serif }
#token-form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; padding: .75rem 1.25rem; background: #f4f5f7; border-bottom: 1px solid #d1d9e0 }
#token { flex: 1 1 16rem; min-height: 2.5rem; padding: .4rem .6rem; border: 1px solid #59636e; border-radius: .4rem; font: inherit }
#token-form button { min-height: 2.5rem; padding: .4rem 1rem; border: 0; border-radius: .4rem; background: #0b57d0; color: #fff; font: inherit; font-weight: 600; cursor: pointer }
#note { flex-basis: 100%; color: #9a3b00 }
#note:empty { display: none }
:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px }
`
