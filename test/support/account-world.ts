import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../src/domain/clock.ts'
import { BrowserSessions } from '../../src/identity/browser-sessions.ts'
import { eventually } from './eventually.ts'
import { memoryState } from './memory-state.ts'
import { PersonBrowser, type SeenPage } from './person.ts'
import type { ProtectedServer } from './protected-server.ts'
import { silentLogger } from './silent-logger.ts'
import { type Documents, startTestGateway, type TestGateway } from './start-gateway.ts'

const HOUR_MS = 3_600_000

interface SignedInAt {
  url: string
  dataDir?: string
  stateKey?: string
  tenantId?: string
  roles?: string[]
}

/** Name and value of the cookie of a person who is signed in at a gateway. */
export async function sessionCookie(
  subject: string,
  at: SignedInAt,
): Promise<readonly [name: string, value: string]> {
  const key = at.stateKey ?? (await readFile(join(at.dataDir ?? '', 'state.key'), 'utf8')).trim()
  const sessions = new BrowserSessions({
    keys: { current: Buffer.from(key, 'hex') },
    publicUrl: at.url,
    store: memoryState(systemClock),
    clock: systemClock,
    logger: silentLogger,
  })
  const [cookie = ''] = sessions
    .issue({
      tenantId: at.tenantId ?? 'local',
      subject,
      agent: 'browser',
      roles: at.roles ?? ['reader'],
      scopes: [],
      issuer: 'of the test',
      expiresAtMs: Date.now() + HOUR_MS,
    })
    .split(';')
  return [cookie.slice(0, cookie.indexOf('=')), cookie.slice(cookie.indexOf('=') + 1)]
}

/** The browser of a person who is signed in at a gateway, and known to authorization servers as `<subject>-there`. */
export async function browserOf(
  subject: string,
  at: SignedInAt,
  servers: readonly ProtectedServer[],
): Promise<PersonBrowser> {
  const browser = new PersonBrowser()
  browser.setCookie(at.url, ...(await sessionCookie(subject, at)))
  for (const server of servers) browser.setCookie(server.issuer, 'person', `${subject}-there`)
  return browser
}

/** A gateway in front of servers that persons connect their accounts at. */
export interface AccountWorld extends TestGateway {
  /** One call over REST. */
  readonly call: (subject: string, tool: string) => Promise<{ status: number; body: Record<string, unknown> }>
  /** The text that a tool answers. */
  readonly textOf: (subject: string, tool: string) => Promise<string>
  /** The page of a link in an answer, opened and agreed to by a person; resolves with the last page. */
  readonly agree: (subject: string, url: string) => Promise<SeenPage>
  /** Connects the account of a person at a server, from the page of the server. */
  readonly connect: (subject: string, server: string) => Promise<SeenPage>
  readonly browser: (subject: string, roles?: string[]) => Promise<PersonBrowser>
}

export async function startAccountWorld(
  documents: Documents,
  servers: readonly ProtectedServer[],
  options: Parameters<typeof startTestGateway>[1] = {},
): Promise<AccountWorld> {
  const gateway = await startTestGateway(documents, options)
  const call: AccountWorld['call'] = async (subject, tool) =>
    gateway.rest(await gateway.token({ subject }), 'POST', `/v1/tools/${tool}`, { arguments: {} })
  const browser: AccountWorld['browser'] = (subject, roles) =>
    browserOf(subject, { ...gateway, ...(roles !== undefined && { roles }) }, servers)
  const agree: AccountWorld['agree'] = async (subject, url) => {
    const person = await browser(subject)
    return person.submit(await person.open(url))
  }
  return {
    ...gateway,
    call,
    browser,
    agree,
    textOf: async (subject, tool) => textIn((await call(subject, tool)).body),
    connect: async (subject, server) => {
      const page = await agree(subject, `${gateway.url}/connect/${server}`)
      const token = await gateway.token({ subject })
      await eventually(async () => {
        const { body } = await gateway.rest(token, 'GET', '/v1/tools')
        return (body['tools'] as { name: string }[]).some(({ name }) => name === `${server}_whoami`)
      })
      return page
    },
  }
}

/** The first text of a result, or what an error says. */
export function textIn(body: Record<string, unknown>): string {
  const [first] = (body['content'] ?? []) as { text?: string }[]
  return first?.text ?? String(body['code'])
}

/** The link in an error that asks for an account. */
export function linkIn(body: Record<string, unknown>): string {
  return (body['connect'] as { url: string }).url
}

/** A server document with an account of each person. */
export function withAccounts(
  server: ProtectedServer,
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  return { transport: 'streamable-http', url: server.url, auth: { kind: 'oauth' }, ...changes }
}
