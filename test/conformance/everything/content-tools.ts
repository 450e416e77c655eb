import { setTimeout as pause } from 'node:timers/promises'
import type { CallToolResult } from '@modelcontextprotocol/server'
import { PIXEL_PNG, SILENCE_WAV } from './media.ts'
import { text, type Tool, type ToolCall } from './tool.ts'

type Block = CallToolResult['content'][number]

const IMAGE: Block = { type: 'image', data: PIXEL_PNG, mimeType: 'image/png' }

/** Long enough that a client gets one notification before the next is sent. */
const STEP_MS = 20

/** Tools that need nothing of the client. */
export const CONTENT_TOOLS: readonly Tool[] = [
  {
    name: 'test_simple_text',
    description: 'Answers with a text.',
    run: () => text('This is a simple text response for testing.'),
  },
  {
    name: 'test_image_content',
    description: 'Answers with an image.',
    run: () => ({ content: [IMAGE] }),
  },
  {
    name: 'test_audio_content',
    description: 'Answers with a sound.',
    run: () => ({ content: [{ type: 'audio', data: SILENCE_WAV, mimeType: 'audio/wav' }] }),
  },
  {
    name: 'test_embedded_resource',
    description: 'Answers with a resource.',
    run: () => ({ content: [resource('test://embedded-resource', 'text/plain', 'An embedded resource.')] }),
  },
  {
    name: 'test_multiple_content_types',
    description: 'Answers with a text, an image and a resource.',
    run: () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        IMAGE,
        resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ],
    }),
  },
  {
    name: 'test_error_handling',
    description: 'Always fails.',
    run: () => ({ ...text('This tool intentionally returns an error for testing'), isError: true }),
  },
  {
    name: 'test_tool_with_logging',
    description: 'Logs three messages on its way.',
    run: logThreeTimes,
  },
  {
    name: 'test_logging_tool',
    description: 'Logs one message, if it may.',
    run: async ({ context }) => {
      await context.mcpReq.log('info', 'one message')
      return text('logged')
    },
  },
  {
    name: 'test_tool_with_progress',
    description: 'Reports progress, if asked to.',
    run: reportProgress,
  },
  {
    name: 'test_reconnection',
    description: 'Hangs up on the client, which gets the answer when it comes back.',
    run: async ({ context }) => {
      context.http?.closeSSE?.()
      await pause(5 * STEP_MS)
      return text('You came back.')
    },
  },
  {
    name: 'test_streaming_elicitation',
    description: 'Answers on a stream that carries no request of the server.',
    run: () => text('no request was sent'),
  },
  {
    name: 'test_trigger_tool_change',
    description: 'Adds a tool to the list, or takes it away again.',
    run: ({ changeTools }) => {
      changeTools()
      return text('changed')
    },
  },
  {
    name: 'test_trigger_prompt_change',
    description: 'Adds a prompt to the list, or takes it away again.',
    run: ({ changePrompts }) => {
      changePrompts()
      return text('changed')
    },
  },
]

function resource(uri: string, mimeType: string, value: string): Block {
  return { type: 'resource', resource: { uri, mimeType, text: value } }
}

async function logThreeTimes({ context }: ToolCall): Promise<CallToolResult> {
  await context.mcpReq.log('info', 'Tool execution started')
  await pause(STEP_MS)
  await context.mcpReq.log('info', 'Tool processing data')
  await pause(STEP_MS)
  await context.mcpReq.log('info', 'Tool execution completed')
  return text('logged three times')
}

async function reportProgress({ context }: ToolCall): Promise<CallToolResult> {
  // oxlint-disable-next-line no-underscore-dangle -- the name in the protocol
  const progressToken = context.mcpReq._meta?.progressToken
  if (progressToken === undefined) return text('no progress token')
  for (const progress of [0, 50, 100]) {
    const params = { progressToken, progress, total: 100, message: `Completed step ${progress} of 100` }
    await context.mcpReq.notify({ method: 'notifications/progress', params })
    await pause(STEP_MS)
  }
  return text(String(progressToken))
}
