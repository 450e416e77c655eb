import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { run } from '../../src/cli/program.ts'
import { type AccountWorld, startAccountWorld, withAccounts } from '../support/account-world.ts'
import { commandLine, type CommandResult } from '../support/command-line.ts'
import { CookieBrowser } from '../support/cookie-browser.ts'
import { approvedClient, newClient, signIn } from '../support/oauth-client.ts'
import { ProtectedServer } from '../support/protected-server.ts'

let notes: ProtectedServer
let world: AccountWorld
/** The owner, who is an operator. */
let tg: ReturnType<typeof commandLine>
let browser: CookieBrowser

beforeAll(async () => {
  notes = await ProtectedServer.start()
  world = await startAccountWorld({ notes: withAccounts(notes) }, [notes], {
    tenants: { local: { clientApproval: 'operator' } },
  })
  tg = commandLine(world.url, await world.token({ subject: 'you', roles: ['reader', 'operator'] }))
})
afterAll(async () => {
  await world.close()
  await notes.close()
})
beforeEach(async () => {
  browser = new CookieBrowser(world.url)
  await signIn(browser, world.gateway.signInLink?.())
})

async function signInCommand(env: Record<string, string>): Promise<CommandResult> {
  let [out, err] = ['', '']
  const code = await run(['signin'], {
    env,
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
  })
  return { code, out, err }
}

describe('signin', () => {
  test('prints a link that signs one browser in', async () => {
    const env = { TOOL_GATEWAY_URL: world.url, DATA_DIR: world.dataDir }
    const { code, out } = await signInCommand(env)
    expect([code, out.startsWith(`${world.url}/signin?code=`), out.split('\n').length]).toEqual([0, true, 2])
    const first = new CookieBrowser(world.url)
    await signIn(first, out.trim())
    expect(first.cookies()).not.toBe('')
    const second = new CookieBrowser(world.url)
    expect((await second.submit(await second.open(out.trim()))).status).toBe(403)
  })

  test('says where persons sign in if that is not here', async () => {
    const env = {
      LOCAL_ISSUER: 'off',
      OIDC_ISSUER: 'https://id.example',
      OIDC_AUDIENCE: 'x',
      DATA_DIR: world.dataDir,
    }
    const { code, out, err } = await signInCommand({ ...env, TOOL_GATEWAY_URL: world.url })
    expect([code, out]).toEqual([78, ''])
    expect(err).toContain('people sign in at the identity provider here')
  })
})

describe('grants', () => {
  const idsOf = async (...options: string[]): Promise<string[]> => {
    const { out } = await tg('grants', 'list', '--json', ...options)
    return (JSON.parse(out) as { grants: { id: string }[] }).grants.map(({ id }) => id)
  }

  test('are listed with client, agent and address, and end one by one, by person or by client', async () => {
    const { clientId, tokens } = await approvedClient(world.url, browser, { client_name: 'Paint Shop' })
    const { out } = await tg('grants', 'list')
    expect(out).toMatch(/you\tPaint Shop\tunverified:Paint Shop\thttp:\/\/127\.0\.0\.1:\d+\/mcp/)
    const [id = ''] = await idsOf('--client', clientId)
    expect(id).toMatch(/^grant_/)
    expect((await tg('grants', 'revoke', id)).out).toBe('1 grant revoked\n')
    expect((await world.rest(String(tokens['access_token']), 'POST', '/mcp', {})).status).toBe(401)
    await approvedClient(world.url, browser)
    await approvedClient(world.url, browser)
    expect((await tg('grants', 'revoke', '--subject', 'you')).out).toBe('2 grants revoked\n')
    expect(await idsOf()).toEqual([])
  })

  test('need to be named before they end', async () => {
    const { code, err } = await tg('grants', 'revoke')
    expect([code, err]).toEqual([
      64,
      'tool-gateway: expected the id of a grant, or --subject, --client or both\n',
    ])
  })

  test('are of clients that an operator approves or denies', async () => {
    const { clientId } = await approvedClient(world.url, browser, { client_name: 'Notebook' })
    const waiting = await newClient(world.url)
    // A command takes what begins with a hyphen for an option.
    expect([clientId, waiting]).toEqual([
      expect.stringMatching(/^client_/),
      expect.stringMatching(/^client_/),
    ])
    expect((await tg('grants', 'clients')).out).toMatch(/Notebook\tunverified:Notebook\tapproved\t-\tyou/)
    expect((await tg('grants', 'deny', clientId)).out).toBe('Notebook is denied\n')
    expect(await idsOf('--client', clientId)).toEqual([])
    expect((await tg('grants', 'approve', clientId)).out).toBe('Notebook is approved\n')
    const { code, err } = await tg('grants', 'approve', waiting)
    expect([code === 0, err]).toEqual([false, expect.stringContaining('Unknown client')])
  })
})

describe('vault rotate', () => {
  test('is for administrators of the platform, and accounts go on being used', async () => {
    await world.connect('vera', 'notes')
    const { code, err } = await tg('vault', 'rotate')
    expect([code === 0, err]).toEqual([false, expect.stringContaining('needs the role platform-admin')])
    const admin = commandLine(world.url, await world.token({ subject: 'pia', roles: ['platform-admin'] }))
    const { out } = await admin('vault', 'rotate')
    expect(out).toMatch(/^\d+ entries are encrypted with new keys\n$/)
    expect(await world.textOf('vera', 'notes_whoami')).toBe('vera-there')
  })
})

describe('connections', () => {
  test('are connected by a link, listed, and disconnected, also for another person', async () => {
    expect((await tg('connections', 'list')).out).toMatch(/^notes\tnot connected/)
    const { out: link } = await tg('connections', 'connect', 'notes')
    await world.agree('you', link.trim())
    expect((await tg('connections', 'list')).out).toMatch(/^notes\tconnected\t.*since \d{4}-/)
    await world.connect('ada', 'notes')
    expect((await tg('connections', 'list', '--tenant')).out).toMatch(/^notes\tada\tconnected/m)
    const other = await tg('connections', 'disconnect', 'notes', '--subject', 'ada')
    expect(other.out).toBe('notes is disconnected; its tokens are revoked\n')
    expect((await tg('connections', 'list', '--tenant')).out).not.toMatch(/\bada\b/)
    expect((await tg('connections', 'disconnect', 'notes')).code).toBe(0)
    expect((await tg('connections', 'list')).out).toMatch(/^notes\tnot connected/)
  })

  test('of servers that have none are refused, and the message says so', async () => {
    const { code, err } = await tg('connections', 'connect', 'unknown')
    expect([code === 0, err]).toEqual([false, expect.stringContaining('Unknown server')])
  })
})
