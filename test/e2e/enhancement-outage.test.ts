import { expect, test } from '@jest/globals'
import { startOllama } from '../support/ollama-server.ts'
import { startTestGateway } from '../support/start-gateway.ts'

test('the prompt comes back as it was when the Ollama server is down, and after some attempts it is left alone', async () => {
  const ollama = await startOllama()
  const gateway = await startTestGateway(
    {},
    {
      rules: { default: { model: 'tiny', systemPrompt: 'Say it clearly' } },
      env: { OLLAMA_HOST: ollama.url, ENHANCE_ROLES: 'writer' },
    },
  )
  try {
    await ollama[Symbol.asyncDispose]()
    const writer = await gateway.token({ roles: ['writer'] })
    const answers = []
    for (let index = 0; index < 4; index += 1)
      answers.push((await gateway.rest(writer, 'POST', '/v1/enhance', { prompt: 'hello' })).body)
    expect(answers).toEqual(
      ['unreachable', 'unreachable', 'unreachable', 'left_alone'].map((reason) => ({
        prompt: 'hello',
        enhanced: false,
        reason,
      })),
    )
  } finally {
    await gateway.close()
  }
})

test('without an Ollama server there is no tool, and prompts come back as they were', async () => {
  const plain = await startTestGateway({})
  try {
    const someone = await plain.token()
    expect((await plain.rest(someone, 'GET', '/v1/tools')).body['tools']).toEqual([])
    expect((await plain.rest(someone, 'POST', '/v1/enhance', { prompt: 'a' })).body).toEqual({
      prompt: 'a',
      enhanced: false,
      reason: 'off',
    })
    expect((await plain.rest(someone, 'GET', '/health')).body['enhancer']).toEqual({ state: 'off' })
  } finally {
    await plain.close()
  }
})
