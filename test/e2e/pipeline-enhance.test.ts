import { expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { startOllama } from '../support/ollama-server.ts'
import { startTestGateway } from '../support/start-gateway.ts'

test('a pipeline improves its prompt with the local model, by the rule for the caller’s client, and goes on without it', async () => {
  await using ollama = await startOllama()
  const gateway = await startTestGateway(
    { everything },
    {
      env: { OLLAMA_HOST: ollama.url, OLLAMA_TIMEOUT_MS: '5000' },
      rules: { editor: { clients: ['editor'], model: 'tiny', systemPrompt: 'Better' } },
      pipelines: {
        say: {
          steps: [
            { id: 'better', enhance: { prompt: 'Say ${input.what}' } },
            { id: 'say', tool: 'everything_echo', arguments: { message: '${steps.better.text}' } },
          ],
          output: '${steps.say.text} (${steps.better.structured.enhanced})',
        },
      },
    },
  )
  try {
    const token = await gateway.token()
    const say = async (what: string): Promise<unknown> => {
      const body = { arguments: { what } }
      const answer = await gateway.rest(token, 'POST', '/v1/pipelines/say', body, {
        'x-client-name': 'editor',
      })
      return answer.body['content']
    }
    expect(await say('hello')).toEqual([{ type: 'text', text: 'Echo: Better: Say hello (true)' }])
    ollama.feel('garbage')
    expect(await say('goodbye')).toEqual([{ type: 'text', text: 'Echo: Say goodbye (false)' }])
    const auditor = await gateway.token({ roles: ['auditor'] })
    const { body } = await gateway.rest(auditor, 'GET', '/v1/audit')
    const targets = (body['records'] as { target: string }[]).map(({ target }) => target)
    expect(targets.toSorted()).toEqual([
      'everything_echo',
      'everything_echo',
      'gateway_enhance_prompt',
      'gateway_enhance_prompt',
      'pipeline_say',
      'pipeline_say',
    ])
  } finally {
    await gateway.close()
  }
})
