import { inputRequired, inputResponse, type InputRequests } from '@modelcontextprotocol/server'
import { elicit, elicited, sample } from './asking-tools.ts'
import { type RoundState, seal, text, type Tool, type ToolCall, type ToolResult } from './tool.ts'

/** Prefix of every name here. */
const PREFIX = 'test_input_required_result_'

/** Tools of the contract of 2026-07-28 that ask for input in their result. */
export const INPUT_REQUIRED_TOOLS: readonly Tool[] = [
  {
    name: `${PREFIX}elicitation`,
    description: 'Asks for a name.',
    run: (call) => {
      const name = elicited(call, 'user_name', 'name')
      if (typeof name !== 'string') return inputRequired({ inputRequests: { user_name: askName() } })
      return text(`Hello, ${name}!`)
    },
  },
  {
    name: `${PREFIX}sampling`,
    description: "Asks the client's model for a capital.",
    run: (call) => {
      const answer = response(call, 'capital_question')
      if (answer.kind === 'sampling') return text(JSON.stringify(answer.result.content))
      return inputRequired({
        inputRequests: { capital_question: sample('What is the capital of France?', 100) },
      })
    },
  },
  {
    name: `${PREFIX}list_roots`,
    description: "Asks for the client's roots.",
    run: (call) => {
      const answer = response(call, 'client_roots')
      if (answer.kind === 'roots') return text(answer.roots.map(({ uri }) => uri).join(' '))
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
    },
  },
  {
    name: `${PREFIX}request_state`,
    description: 'Asks for a confirmation, and wants its state back.',
    run: (call) => confirm(call, 'request_state', 'state-ok'),
  },
  {
    name: `${PREFIX}tampered_state`,
    description: 'Asks for a confirmation, and refuses a state that is not its own.',
    run: (call) => confirm(call, 'tampered_state', 'integrity-ok'),
  },
  {
    name: `${PREFIX}multiple_inputs`,
    description: 'Asks for three things at once.',
    run: askAllAtOnce,
  },
  {
    name: `${PREFIX}multi_round`,
    description: 'Asks two times, one after the other.',
    run: askTwice,
  },
  {
    name: `${PREFIX}capabilities`,
    description: 'Asks for what the client says that it can do.',
    run: askWhatIsDeclared,
  },
]

function askName(): ReturnType<typeof elicit> {
  return elicit('What is your name?', 'name')
}

function response({ context }: ToolCall, key: string): ReturnType<typeof inputResponse> {
  return inputResponse(context.mcpReq.inputResponses, key)
}

/** The server has verified the state before a tool sees it. */
function state({ context }: ToolCall): RoundState | undefined {
  return context.mcpReq.requestState<RoundState>()
}

async function confirm(call: ToolCall, tool: string, done: string): Promise<ToolResult> {
  if (state(call)?.tool === tool && elicited(call, 'confirm', 'ok') !== undefined) return text(done)
  return inputRequired({
    inputRequests: { confirm: elicit('Please confirm', 'ok', { type: 'boolean' }) },
    requestState: await seal({ tool }),
  })
}

async function askAllAtOnce(call: ToolCall): Promise<ToolResult> {
  const name = elicited(call, 'user_name', 'name')
  const greeting = response(call, 'greeting')
  const roots = response(call, 'client_roots')
  if (typeof name === 'string' && greeting.kind === 'sampling' && roots.kind === 'roots') {
    return text(`${JSON.stringify(greeting.result.content)} ${name}, ${roots.roots.length} roots`)
  }
  return inputRequired({
    inputRequests: {
      user_name: askName(),
      greeting: sample('Generate a greeting', 50),
      client_roots: inputRequired.listRoots(),
    },
    requestState: await seal({ tool: 'multiple_inputs' }),
  })
}

async function askTwice(call: ToolCall): Promise<ToolResult> {
  const { tool, round = 0, name = 'somebody' } = state(call) ?? { tool: 'multi_round' }
  if (tool !== 'multi_round' || round === 0) {
    return inputRequired({
      inputRequests: { step1: elicit('Step 1: what is your name?', 'name') },
      requestState: await seal({ tool: 'multi_round', round: 1 }),
    })
  }
  if (round === 1) {
    const answer = elicited(call, 'step1', 'name')
    return inputRequired({
      inputRequests: { step2: elicit('Step 2: what is your favourite colour?', 'color') },
      requestState: await seal({
        tool,
        round: 2,
        ...(typeof answer === 'string' && { name: answer }),
      }),
    })
  }
  return text(`${name} likes ${JSON.stringify(elicited(call, 'step2', 'color'))}`)
}

function askWhatIsDeclared({ context, client }: ToolCall): ToolResult {
  if (context.mcpReq.inputResponses !== undefined) return text('got what the client declared')
  const inputRequests: InputRequests = {
    ...(client.elicitation !== undefined && { user_name: askName() }),
    ...(client.sampling !== undefined && { greeting: sample('Generate a greeting', 50) }),
    ...(client.roots !== undefined && { client_roots: inputRequired.listRoots() }),
  }
  if (Object.keys(inputRequests).length === 0) return text('the client can do nothing that could be asked')
  return inputRequired({ inputRequests })
}
