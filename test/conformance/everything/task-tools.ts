import { setTimeout as pause } from 'node:timers/promises'
import { inputRequired, ProtocolError } from '@modelcontextprotocol/server'
import { elicit, elicited } from './asking-tools.ts'
import { checkDeclared, Tasks, TASKS_EXTENSION, type Work } from './tasks.ts'
import { text, type Tool, type ToolCall, type ToolResult } from './tool.ts'

const JOB_MS = 1000
const SECONDS = {
  type: 'object',
  properties: { seconds: { type: 'number' }, label: { type: 'string' } },
}
const NAME = { type: 'object', properties: { name: { type: 'string' } } }

export const tasks = new Tasks()

/** Tools of the contract for the extension tasks: they run as tasks for clients that have them. */
export const TASK_TOOLS: readonly Tool[] = [
  {
    name: 'greet',
    description: 'Greets at once.',
    inputSchema: NAME,
    run: ({ args }) => text(`Hello, ${String(args['name'])}!`),
  },
  {
    name: 'slow_compute',
    description: 'Takes its time.',
    inputSchema: SECONDS,
    run: (call) =>
      asTask(call, async ({ signal }) => {
        const jobMs = Number(call.args['seconds'] ?? 0) * 1000
        await pause(hasTasks(call) ? jobMs : Math.min(jobMs, JOB_MS), undefined, { signal })
        return text('computed')
      }),
  },
  {
    name: 'failing_job',
    description: 'Fails, as a task only.',
    run: (call) => {
      checkDeclared({ ...call.context.mcpReq.envelope })
      return asTask(call, async () => {
        await pause(JOB_MS)
        return { ...text('It failed.'), isError: true }
      })
    },
  },
  {
    name: 'protocol_error_job',
    description: 'Ends with an error of the protocol.',
    run: (call) =>
      asTask(call, async () => {
        await pause(JOB_MS)
        throw new ProtocolError(-32_603, 'It broke.')
      }),
  },
  {
    name: 'confirm_delete',
    description: 'Asks for a confirmation.',
    inputSchema: { type: 'object', properties: { filename: { type: 'string' } } },
    run: (call) =>
      asTask(call, async ({ ask }) => {
        const answers = await ask({ confirm: elicit('Delete it?', 'confirm', { type: 'boolean' }) })
        return text(`Answered: ${JSON.stringify(answers)}`)
      }),
  },
  {
    name: 'multi_input',
    description: 'Asks two things at once.',
    run: (call) =>
      asTask(call, async ({ ask }) => {
        const answers = await ask({
          first: elicit('The first?', 'value'),
          second: elicit('The second?', 'value'),
        })
        return text(`Answered: ${JSON.stringify(answers)}`)
      }),
  },
  {
    name: 'test_tool_with_task',
    description: 'Asks for a name, then greets in a task.',
    run: (call) => {
      checkDeclared({ ...call.context.mcpReq.envelope })
      const name = elicited(call, 'user_name', 'name')
      if (typeof name === 'string') return asTask(call, () => Promise.resolve(text(`Hello, ${name}!`)))
      const question = elicit('What is your name?', 'name')
      return inputRequired({ inputRequests: { user_name: question } })
    },
  },
]

/** For a client that has no tasks the call waits instead; it cannot be asked then. */
function asTask(call: ToolCall, work: Work): ToolResult | Promise<ToolResult> {
  if (hasTasks(call)) return tasks.start(work)
  return work({ signal: call.context.mcpReq.signal, ask: () => Promise.resolve({}) })
}

function hasTasks({ client }: ToolCall): boolean {
  return client.extensions?.[TASKS_EXTENSION] !== undefined
}
