import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Client } from '@modelcontextprotocol/client'
import { SkillsClient } from '@modelcontextprotocol/client/ext/skills'
import { connectClient } from '../support/mcp-clients.ts'
import { rawClient } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import type { HttpUpstream } from '../support/upstreams/sample-http.ts'
import { skillHttp } from '../support/upstreams/skill-server.ts'

const SERVERS = ['legacy', 'modern'] as const
const CLIENTS = ['streamable-http', 'modern', 'modern-websocket'] as const
const NAMES = ['commit', 'release', 'review']

let upstreams: HttpUpstream[]
let gateway: TestGateway
let token: string

beforeAll(async () => {
  upstreams = await Promise.all(SERVERS.map(skillHttp))
  const [legacy, modern] = upstreams.map(({ url }) => ({ transport: 'streamable-http', url }))
  gateway = await startTestGateway({
    legacy: { ...legacy, requiredRoles: ['reader'] },
    modern: { ...modern },
  })
  token = await gateway.token()
})

afterAll(async () => {
  await gateway.close()
  await Promise.all(upstreams.map((upstream) => upstream.close()))
})

/** Reads everything there is, as the SDK checks it: URIs, digests, frontmatter. */
async function readAll(client: Client): Promise<unknown> {
  const skills = new SkillsClient(client)
  expect(skills.directoryRead).toBe(true)
  const listed = (await skills.list()).skills
  const read = listed.map(async ({ uri }) => {
    const { skill } = await skills.get(uri)
    const { frontmatter, verified } = await skills.read(skill)
    const guide = await skills.read(skill, 'references/GUIDE.md')
    const folder = await skills.readDirectory(new URL('references', uri).href)
    const inside = folder.resources.map((resource) => resource.uri)
    return { uri, name: frontmatter?.['name'], verified, guide: guide.text, inside }
  })
  return Promise.all(read)
}

function expected(base: string): unknown[] {
  return NAMES.map((name) => ({
    uri: `${base}${name}/SKILL.md`,
    name,
    verified: true,
    guide: `All about ${name}.\n`,
    inside: [`${base}${name}/references/GUIDE.md`],
  }))
}

describe.each(CLIENTS)('over %s', (kind) => {
  test.each(SERVERS)('the skills of a %s server alone keep their URIs', async (server) => {
    const client = await connectClient(kind, gateway.url, token, { server })
    expect(await readAll(client)).toEqual(expected('skill://'))
    await client.close()
  })

  test('the skills of all servers are listed under URIs that lead to each', async () => {
    const client = await connectClient(kind, gateway.url, token)
    expect(await readAll(client)).toEqual([...expected('legacy+skill://'), ...expected('modern+skill://')])
    await client.close()
  })

  test('a caller has the skills of those servers only that it may use', async () => {
    const other = await gateway.token({ roles: [] })
    const client = await connectClient(kind, gateway.url, other)
    const skills = new SkillsClient(client)
    expect((await skills.list()).skills.map(({ uri }) => uri)).toEqual(
      NAMES.map((name) => `modern+skill://${name}/SKILL.md`),
    )
    await expect(skills.get('legacy+skill://commit/SKILL.md')).rejects.toMatchObject({ code: -32602 })
    await client.close()
  })
})

test('a list of a server alone has its pages, and that of all has one', async () => {
  const alone = await rawClient('modern', gateway.url, token, '/mcp/modern')
  const first = (await alone.request('skills/list')).message.result
  expect(first).toMatchObject({ cacheScope: 'private', nextCursor: expect.any(String) as unknown })
  expect(first?.['skills']).toHaveLength(2)
  const second = (await alone.request('skills/list', { cursor: first?.['nextCursor'] })).message.result
  expect(second?.['skills']).toHaveLength(1)
  const all = await rawClient('modern', gateway.url, token)
  const merged = (await all.request('skills/list')).message.result
  expect(merged).toMatchObject({ cacheScope: 'private', ttlMs: 0 })
  expect(merged).not.toHaveProperty('nextCursor')
  expect(merged?.['skills']).toHaveLength(6)
})
