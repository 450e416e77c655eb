import {
  type GetPromptResult,
  inputRequired,
  type InputRequiredResult,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { elicit, elicited } from './asking-tools.ts'
import { PIXEL_PNG } from './media.ts'

type Message = GetPromptResult['messages'][number]

/** The prompts of the contract. */
export function addPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { title: 'A text', description: 'Says one thing.' }, () =>
    prompt(says('This is a simple prompt for testing.')),
  )
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      title: 'Two arguments',
      description: 'Says its two arguments.',
      argsSchema: z.object({ arg1: z.string(), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => prompt(says(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    {
      title: 'A resource',
      description: 'Has a resource in it.',
      argsSchema: z.object({ resourceUri: z.string() }),
    },
    ({ resourceUri }) =>
      prompt(
        {
          role: 'user',
          content: {
            type: 'resource',
            resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content.' },
          },
        },
        says('Please look at the resource above.'),
      ),
  )
  server.registerPrompt(
    'test_prompt_with_image',
    { title: 'An image', description: 'Has an image in it.' },
    () =>
      prompt(
        { role: 'user', content: { type: 'image', data: PIXEL_PNG, mimeType: 'image/png' } },
        says('Please look at the image above.'),
      ),
  )
  server.registerPrompt(
    'test_input_required_result_prompt',
    { title: 'Asks for a context', description: 'Asks for a context and says it.' },
    askForContext,
  )
}

function askForContext(context: ServerContext): GetPromptResult | InputRequiredResult {
  const answer = elicited({ context }, 'user_context', 'context')
  if (typeof answer === 'string') return prompt(says(`Use this context: ${answer}`))
  return inputRequired({
    inputRequests: { user_context: elicit('What context should the prompt use?', 'context') },
  })
}

function prompt(...messages: Message[]): GetPromptResult {
  return { messages }
}

function says(text: string): Message {
  return { role: 'user', content: { type: 'text', text } }
}
