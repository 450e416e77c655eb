/** The process behind `clickingBrowser`: follows redirects with cookies, and submits the form of a page. */
const MAX_STEPS = 20
const cookies = new Map<string, string>()

let address = new URL(process.argv[2] ?? '')
let form: URLSearchParams | undefined
for (let step = 0; step < MAX_STEPS; step += 1) {
  const response = await fetch(address, {
    method: form === undefined ? 'GET' : 'POST',
    redirect: 'manual',
    headers: {
      cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      origin: address.origin,
    },
    ...(form !== undefined && { body: form }),
  })
  for (const cookie of response.headers.getSetCookie()) keep(cookie)
  const location = response.headers.get('location')
  const page = await response.text()
  form = undefined
  if (location !== null) {
    address = new URL(location, address)
    continue
  }
  const found = /<form[^>]*>[\s\S]*?<\/form>/i.exec(page)?.[0]
  if (found === undefined) break
  const action = /<form[^>]*\baction="([^"]*)"/i.exec(found)?.[1]?.replaceAll('&amp;', '&') ?? ''
  form = fieldsOf(found)
  address = new URL(action, address)
}

function keep(cookie: string): void {
  const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(cookie) ?? []
  if (value === '') cookies.delete(name)
  else cookies.set(name, value)
}

/** The hidden fields, the boxes that are ticked, and the first button that has a value. */
function fieldsOf(html: string): URLSearchParams {
  const fields = new URLSearchParams()
  for (const [tag] of html.matchAll(/<(?:input|button)\b[^>]*>/gi)) {
    const name = /\bname="([^"]*)"/i.exec(tag)?.[1]
    const value = /\bvalue="([^"]*)"/i.exec(tag)?.[1] ?? 'on'
    const isButton = tag.toLowerCase().startsWith('<button')
    const isBox = /\btype="(checkbox|radio)"/i.test(tag)
    if (name === undefined || (isBox && !/\bchecked\b/i.test(tag)) || (isButton && fields.has(name))) continue
    fields.append(name, value)
  }
  return fields
}
