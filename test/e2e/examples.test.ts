import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { everything } from '../support/documents.ts'
import { startTestGateway } from '../support/start-gateway.ts'

const root = join(import.meta.dirname, '../..')

async function run(
  path: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, path), ...args], {
    env: { ...process.env, ...env },
  })
  return stdout
}

test('a program with a gateway inside makes a token, calls a tool and ends with nothing left', async () => {
  const lines = (await run('examples/embedded/main.ts')).trim().split('\n')

  expect(lines).toContain('memory is ready')
  expect(lines.find((line) => line.startsWith('200 '))).toContain('runs inside')
})

const modelRequest = z.object({
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })),
})
type ModelRequest = z.infer<typeof modelRequest>

/** A model that wants one call, and then says what the tool said. */
function answerOf({ messages }: ModelRequest): object {
  const { role, content } = messages.at(-1) ?? { role: '', content: '' }
  if (role === 'tool') return { role: 'assistant', content: `It says: ${content}` }
  const wanted = { name: 'calc_get-sum', arguments: { a: 19, b: 23 } }
  return { role: 'assistant', content: '', tool_calls: [{ function: wanted }] }
}

test('an agent with a local model gets the tools of its token, calls one and answers', async () => {
  const asked: ModelRequest[] = []
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const given = modelRequest.parse(await json(request))
    asked.push(given)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ model: 'tiny', message: answerOf(given), done: true }))
  }
  const model = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(model, 'listening')
  const gateway = await startTestGateway({ calc: { ...everything } })
  try {
    const printed = await run('examples/agent/agent.ts', ['What is 19 + 23?'], {
      TOOL_GATEWAY_URL: gateway.url,
      TOOL_GATEWAY_TOKEN: await gateway.token(),
      OLLAMA_HOST: `http://127.0.0.1:${(model.address() as AddressInfo).port}`,
    })
    expect(printed).toBe('→ calc_get-sum {"a":19,"b":23}\nIt says: The sum of 19 and 23 is 42.\n')
    expect(asked[0]?.messages).toEqual([{ role: 'user', content: 'What is 19 + 23?' }])
    expect(asked[0]?.tools.map((tool) => tool.function.name)).toContain('calc_get-sum')
  } finally {
    await gateway.close()
    model.closeAllConnections()
    model.close()
  }
})
