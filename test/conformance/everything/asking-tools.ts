import {
  acceptedContent,
  inputRequired,
  inputResponse,
  type InputRequiredSpec,
} from '@modelcontextprotocol/server'
import { text, type Tool, type ToolCall, type ToolResult } from './tool.ts'

type InputRequest = NonNullable<InputRequiredSpec['inputRequests']>[string]
type ElicitForm = Parameters<typeof inputRequired.elicit>[0]
type Form = Extract<
  Extract<ElicitForm, { requestedSchema: unknown }>['requestedSchema'],
  { properties: unknown }
>

/**
 * Tools of the contract up to 2025-11-25 that ask the client for something. They ask by result; on a session the SDK
 * turns that into a request of the server. So the same tool works in both eras.
 */
export const ASKING_TOOLS: readonly Tool[] = [
  {
    name: 'test_sampling',
    description: "Asks the client's model.",
    inputSchema: {
      type: 'object',
      properties: { prompt: { type: 'string' } },
      required: ['prompt'],
    },
    run: ({ args, context }) => {
      const answer = inputResponse(context.mcpReq.inputResponses, 'answer')
      if (answer.kind !== 'sampling') {
        return ask('answer', sample(String(args['prompt']), 100))
      }
      return text(`LLM response: ${JSON.stringify(answer.result.content)}`)
    },
  },
  {
    name: 'test_elicitation',
    description: 'Asks the user.',
    inputSchema: {
      type: 'object',
      properties: { message: { type: 'string' } },
      required: ['message'],
    },
    run: (call) =>
      elicitOnce(call, String(call.args['message']), {
        type: 'object',
        properties: { response: { type: 'string', description: "User's response" } },
        required: ['response'],
      }),
  },
  {
    name: 'test_elicitation_sep1034_defaults',
    description: 'Asks the user, with a default for each kind of value.',
    run: (call) =>
      elicitOnce(call, 'Please review these values', {
        type: 'object',
        properties: {
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        },
        required: [],
      }),
  },
  {
    name: 'test_elicitation_sep1330_enums',
    description: 'Asks the user to choose, in each of the ways that a schema can say it.',
    run: (call) => elicitOnce(call, 'Please choose', CHOICES),
  },
  {
    name: 'test_missing_capability',
    description: "Asks the client's model, whether there is one or not.",
    run: ({ context }) =>
      inputResponse(context.mcpReq.inputResponses, 'answer').kind === 'sampling'
        ? text('answered')
        : ask('answer', sample('Say pong', 16)),
  },
]

const CHOICES: Form = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled('value') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: {
      type: 'array',
      minItems: 1,
      maxItems: 3,
      items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    },
    titledMulti: { type: 'array', minItems: 1, maxItems: 3, items: { anyOf: titled('value') } },
  },
  required: [],
}

function titled(value: string): { const: string; title: string }[] {
  return ['First', 'Second', 'Third'].map((word, i) => ({
    const: `${value}${i + 1}`,
    title: `${word} Option`,
  }))
}

/** One question to the user; the answer is told as it came, accepted or not. */
function elicitOnce({ context }: ToolCall, message: string, requestedSchema: Form): ToolResult {
  const answer = inputResponse(context.mcpReq.inputResponses, 'answer')
  if (answer.kind !== 'elicit') return ask('answer', inputRequired.elicit({ message, requestedSchema }))
  return text(`action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`)
}

function ask(key: string, request: InputRequest): ToolResult {
  return inputRequired({ inputRequests: { [key]: request } })
}

export function sample(prompt: string, maxTokens: number): InputRequest {
  return inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: prompt } }],
    maxTokens,
  })
}

/** Asks the user for one value. */
export function elicit(
  message: string,
  property: string,
  schema: Form['properties'][string] = { type: 'string' },
): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [property]: schema }, required: [property] },
  })
}

/** One value of the answer to {@link elicit}; undefined if it was not accepted. */
export function elicited(call: Pick<ToolCall, 'context'>, key: string, property: string): unknown {
  return acceptedContent(call.context.mcpReq.inputResponses, key)?.[property]
}
