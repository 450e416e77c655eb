import { watch } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const MAX_STEPS = 20

/**
 * A program for `BROWSER` with which this process opens the address that it gets, and presses the one button of every
 * page that comes, as a person would.
 * @param dir where the program is written; nothing happens any more when it has gone
 */
export async function clickingBrowser(dir: string): Promise<string> {
  const path = join(dir, 'browser')
  await writeFile(path, '#!/bin/sh\nprintf %s "$1" >"$0.$$" && mv "$0.$$" "$0.address.$$"\n')
  await chmod(path, 0o755)
  const seen = new Set<string>()
  watch(dir, { persistent: false }, (_event, name) => {
    if (name === null || !name.startsWith('browser.address.') || seen.has(name)) return
    seen.add(name)
    // Whoever waits for what a page leads to says best that it did not come.
    void readFile(join(dir, name), 'utf8')
      .then(clickThrough)
      .catch(() => undefined)
  })
  return path
}

/** Follows redirects with cookies, and submits the form of a page. */
async function clickThrough(text: string): Promise<void> {
  const cookies = new Map<string, string>()
  let address = new URL(text)
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
    for (const cookie of response.headers.getSetCookie()) keep(cookies, cookie)
    const location = response.headers.get('location')
    const page = await response.text()
    form = undefined
    if (location !== null) {
      address = new URL(location, address)
      continue
    }
    const found = /<form[^>]*>[\s\S]*?<\/form>/i.exec(page)?.[0]
    if (found === undefined) return
    const action = /<form[^>]*\baction="([^"]*)"/i.exec(found)?.[1]?.replaceAll('&amp;', '&') ?? ''
    form = fieldsOf(found)
    address = new URL(action, address)
  }
}

function keep(cookies: Map<string, string>, cookie: string): void {
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
