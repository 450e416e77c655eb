import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type AccountWorld, startAccountWorld, withAccounts } from '../support/account-world.ts'
import { eventually } from '../support/eventually.ts'
import { ProtectedServer } from '../support/protected-server.ts'

let notes: ProtectedServer
let other: ProtectedServer
let world: AccountWorld

beforeAll(async () => {
  notes = await ProtectedServer.start()
  other = await ProtectedServer.start()
  world = await startAccountWorld({ notes: withAccounts(notes), other: withAccounts(other) }, [notes, other])
})
afterAll(async () => {
  await world.close()
  await notes.close()
  await other.close()
})

const linkFor = async (subject: string): Promise<string> => {
  const { body } = await world.rest(await world.token({ subject }), 'POST', '/v1/connections/notes')
  return String(body['url'])
}

const isConnected = async (subject: string, server = 'notes'): Promise<boolean> => {
  const { body } = await world.rest(await world.token({ subject }), 'GET', '/v1/connections')
  const connections = body['connections'] as { server: string; state: string }[]
  return connections.some((each) => each.server === server && each.state === 'connected')
}

/** The address of the gateway to which the authorization server sends the browser back, which does not go there. */
async function callbackOf(subject: string, server = 'notes'): Promise<URL> {
  const browser = await world.browser(subject)
  const page = await browser.open(`${world.url}/connect/${server}`)
  return new URL(await browser.openUntil('', `${world.url}/connect/${server}/callback`, page))
}

describe('a consent link', () => {
  test('that another person opens connects nothing, neither theirs nor that of its person', async () => {
    const url = await linkFor('ada')
    const mallory = await world.browser('mallory')
    const page = await mallory.open(url)
    expect([page.status, page.text]).toEqual([
      403,
      expect.stringContaining('This link is for another person'),
    ])
    expect(page.text).not.toMatch(/\bada\b/)
    // Not even by a form of their own with the code of the link.
    const own = await mallory.open(`${world.url}/connect/notes`)
    const forged = {
      ...own,
      text: own.text.replace(
        '</form>',
        `<input type="hidden" name="link" value="${url.split('=')[1]}" /></form>`,
      ),
    }
    expect((await mallory.submit(forged)).status).toBe(403)
    expect([await isConnected('ada'), await isConnected('mallory')]).toEqual([false, false])
    expect((await world.agree('ada', url)).text).toContain('notes is connected')
  })

  test('leads to the sign-in in a browser that nobody is signed in with', async () => {
    const url = await linkFor('bea')
    const response = await fetch(url, { redirect: 'manual' })
    expect(response.status).toBe(303)
    const { pathname, search } = new URL(url)
    expect(response.headers.get('location')).toBe(
      `/signin?${new URLSearchParams({ return: pathname + search }).toString()}`,
    )
  })

  test('is used once', async () => {
    const url = await linkFor('cid')
    const browser = await world.browser('cid')
    const page = await browser.open(url)
    await browser.submit(page)
    expect([(await browser.open(url)).status, (await browser.submit(page)).status]).toEqual([410, 410])
  })

  test('is for one server', async () => {
    const url = (await linkFor('dan')).replace('/connect/notes', '/connect/other')
    const browser = await world.browser('dan')
    expect((await browser.open(url)).status).toBe(404)
  })

  test('is agreed to with the token of the session only', async () => {
    const browser = await world.browser('eve')
    const page = await browser.open(`${world.url}/connect/notes`)
    const forged = {
      ...page,
      text: page.text.replace(/name="csrf" value="[^"]+"/, 'name="csrf" value="guessed"'),
    }
    expect((await browser.submit(forged)).status).toBe(403)
  })

  test('cannot be framed, and its page runs no scripts', async () => {
    const browser = await world.browser('eve')
    await browser.open(`${world.url}/connect/notes`)
    const response = await fetch(`${world.url}/connect/notes`, { redirect: 'manual' })
    expect(response.headers.get('location')).not.toMatch(/^https?:/)
  })
})

describe('the way back from the authorization server', () => {
  test('with a state that nobody was given connects nothing', async () => {
    const callback = await callbackOf('fay')
    callback.searchParams.set('state', 'guessed')
    const page = await (await world.browser('fay')).open(callback.href)
    expect([page.status, await isConnected('fay')]).toEqual([400, false])
  })

  test('that another person takes connects nothing, and leaves it to the one who began', async () => {
    const callback = await callbackOf('gil')
    const mallory = await world.browser('mallory')
    const page = await mallory.open(callback.href)
    expect([page.status, page.text]).toEqual([400, expect.stringContaining('Another person began this')])
    expect([await isConnected('gil'), await isConnected('mallory')]).toEqual([false, false])
    expect((await (await world.browser('gil')).open(callback.href)).status).toBe(200)
  })

  test('is taken once', async () => {
    const callback = await callbackOf('hal')
    const browser = await world.browser('hal')
    expect((await browser.open(callback.href)).status).toBe(200)
    expect((await browser.open(callback.href)).status).toBe(400)
  })

  test('with the code of another person connects nothing: it belongs to another request', async () => {
    const stolen = await callbackOf('victim')
    const own = await callbackOf('mallory')
    own.searchParams.set('code', stolen.searchParams.get('code') ?? '')
    const page = await (await world.browser('mallory')).open(own.href)
    expect([page.status, await isConnected('mallory')]).toEqual([400, false])
    expect(page.text).not.toContain(stolen.searchParams.get('code'))
  })

  test.each([
    ['of another issuer', (callback: URL) => callback.searchParams.set('iss', other.issuer)],
    ['without an issuer', (callback: URL) => callback.searchParams.delete('iss')],
  ])('%s sends the code nowhere', async (_, change) => {
    const callback = await callbackOf('ivy')
    change(callback)
    const [before, beforeOther] = [notes.grants.length, other.grants.length]
    const page = await (await world.browser('ivy')).open(callback.href)
    expect([page.status, await isConnected('ivy')]).toEqual([400, false])
    expect([notes.grants.length, other.grants.length]).toEqual([before, beforeOther])
  })

  test('to the address of another server sends the code nowhere', async () => {
    const callback = await callbackOf('jim')
    const mixed = callback.href.replace('/connect/notes/', '/connect/other/')
    const page = await (await world.browser('jim')).open(mixed)
    expect([page.status, await isConnected('jim'), await isConnected('jim', 'other')]).toEqual([
      400,
      false,
      false,
    ])
    expect(other.grants).toEqual([])
  })

  test('without access says so', async () => {
    const browser = await world.browser('kay')
    browser.setCookie(notes.issuer, 'person', '')
    const page = await browser.submit(await browser.open(`${world.url}/connect/notes`))
    expect([page.status, page.text]).toEqual([400, expect.stringContaining('Access was not granted')])
  })
})

describe('an authorization server', () => {
  test.each([
    [
      'that only takes plain challenges',
      { code_challenge_methods_supported: ['plain'] },
      'does not support PKCE with S256',
    ],
    ['with the metadata of another one', { issuer: 'https://else.example' }, 'cannot be used'],
    ['at an address without https', { token_endpoint: 'http://192.0.2.1/token' }, 'not an https address'],
  ])('%s gets no code', async (_, change, reason) => {
    const odd = await ProtectedServer.start({ metadata: (metadata) => ({ ...metadata, ...change }) })
    const away = await startAccountWorld({ odd: withAccounts(odd) }, [odd])
    const page = await away.agree('ada', `${away.url}/connect/odd`)
    expect([page.status, page.text.replaceAll('&#39;', "'")]).toEqual([400, expect.stringContaining(reason)])
    await away.close()
    await odd.close()
  })
})

describe('the tokens of a server', () => {
  test('are not sent to another address that an edit gives the server', async () => {
    await world.connect('lea', 'notes')
    expect(await world.textOf('lea', 'notes_whoami')).toBe('lea-there')
    other.ledger.splice(0)
    await world.writeRegistry({ notes: withAccounts(other), other: withAccounts(other) })
    await eventually(async () => (await world.textOf('lea', 'notes_whoami')) === 'credential_required')
    expect(other.ledger).toEqual([])
    await world.writeRegistry({ notes: withAccounts(notes), other: withAccounts(other) })
    await eventually(async () => (await world.textOf('lea', 'notes_whoami')) === 'lea-there')
  })

  test('are not sent to another server that has the same authorization server', async () => {
    await world.writeRegistry({
      notes: withAccounts(notes),
      again: withAccounts(notes),
      other: withAccounts(other),
    })
    await world.connect('max', 'notes')
    notes.ledger.splice(0)
    await eventually(async () => (await world.textOf('max', 'again_connect')) === 'credential_required')
    expect(notes.ledger.filter(({ tool }) => tool !== undefined)).toEqual([])
  })
})
