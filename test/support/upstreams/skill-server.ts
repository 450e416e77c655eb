import { randomUUID } from 'node:crypto'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { memorySkillFiles, SkillsExtension } from '@modelcontextprotocol/server/ext/skills'
import { type HttpUpstream, listen } from './sample-http.ts'

const NAMES = ['commit', 'review', 'release']

/** A server of three skills, in pages of two, each with a guide in a folder of its own. */
export async function skillHttp(era: 'legacy' | 'modern'): Promise<HttpUpstream> {
  const files: [string, string][] = NAMES.flatMap((name) => [
    [`${name}/SKILL.md`, `---\nname: ${name}\ndescription: How to ${name}\n---\n# ${name}\n`],
    [`${name}/references/GUIDE.md`, `All about ${name}.\n`],
  ])
  const extension = await SkillsExtension.load(memorySkillFiles(Object.fromEntries(files)), { pageSize: 2 })
  const skillServer = (): McpServer => {
    const server = new McpServer({ name: 'skills', version: '1' })
    extension.attach(server)
    return server
  }
  if (era === 'modern') {
    const answer = toNodeHandler(createMcpHandler(skillServer, { legacy: 'reject' }))
    return listen((request, response) =>
      answer(Object.assign(request, { method: request.method ?? 'GET', url: request.url ?? '/' }), response),
    )
  }
  const sessions = new Map<string, NodeStreamableHTTPServerTransport>()
  return listen(async (request, response) => {
    const known = sessions.get(String(request.headers['mcp-session-id']))
    if (known !== undefined) return known.handleRequest(request, response)
    const transport: NodeStreamableHTTPServerTransport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (session) => {
        sessions.set(session, transport)
      },
    })
    await skillServer().connect(transport)
    await transport.handleRequest(request, response)
  })
}
