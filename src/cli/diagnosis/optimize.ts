import { Command } from 'commander'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { ask, askAll, type GatewayAddress, objectsIn } from '../client/rest-client.ts'

const DAY_MS = 86_400_000
/** What models take for English and JSON, about. */
const CHARACTERS_PER_TOKEN = 4
const MAX_PAGES = 50
const LARGEST = 10

interface OptimizeOptions extends AddressOptions {
  readonly days: string
}

interface ToolUse {
  readonly tool: string
  readonly server: string
  readonly calls: number
  readonly tokens: number
}

/** `optimize`: unused tools, and the cost of their definitions for each conversation. */
export function optimizeCommand(context: CliContext): Command {
  const command = new Command('optimize')
    .description(
      'list tools that were not used, and what definitions cost in tokens, with the edit to make (roles operator, auditor)',
    )
    .option('--days <count>', 'how many days back', '30')
  return withAddress(command).action(async (options: OptimizeOptions) => {
    const address = addressOf(options, context)
    const uses = await usesOf(address, Number(options.days))
    const unused = uses.filter(({ calls }) => calls === 0)
    const edits = editsFor(uses)
    if (options.json === true) return context.print(asJson({ tools: uses, edits }))
    const total = sum(uses.map(({ tokens }) => tokens))
    const saved = sum(unused.map(({ tokens }) => tokens))
    context.print(
      `${uses.length} tools take about ${total} tokens of each conversation that lists them all; ${unused.length} were not called in ${options.days} days, which take ${saved}\n`,
    )
    const largest = uses.toSorted((a, b) => b.tokens - a.tokens).slice(0, LARGEST)
    const rows = largest.map(({ tool, calls, tokens }) => [tool, String(tokens), String(calls)])
    context.print(`\nThe largest definitions:\n${rowsFor(context, rows, ['TOOL', 'TOKENS', 'CALLS'])}`)
    return context.print(
      edits.length === 0
        ? ''
        : `\nEdits (see what each would change with --dry-run):\n${edits.map((edit) => `  ${edit}\n`).join('')}`,
    )
  })
}

async function usesOf(address: GatewayAddress, days: number): Promise<ToolUse[]> {
  const { items } = await askAll(address, '/v1/tools', new URLSearchParams(), 'tools')
  const calls = await callsSince(address, new Date(Date.now() - days * DAY_MS).toISOString())
  return items.map((tool) => ({
    tool: String(tool['id']),
    server: String(tool['server']),
    calls: calls.get(String(tool['id'])) ?? 0,
    tokens: Math.ceil(JSON.stringify(tool).length / CHARACTERS_PER_TOKEN),
  }))
}

async function callsSince(address: GatewayAddress, from: string): Promise<Map<string, number>> {
  const calls = new Map<string, number>()
  const query = new URLSearchParams({ from, limit: '1000' })
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await ask(address, 'GET', `/v1/audit?${query.toString()}`)
    for (const { action, target } of objectsIn(answer['records']))
      if (action === 'call') calls.set(String(target), (calls.get(String(target)) ?? 0) + 1)
    if (typeof answer['nextCursor'] !== 'string') break
    query.set('cursor', answer['nextCursor'])
  }
  return calls
}

/** An unused server is disabled; of others the unused tools are excluded. */
function editsFor(uses: readonly ToolUse[]): string[] {
  return [...Map.groupBy(uses, ({ server }) => server)].flatMap(([server, tools]) => {
    const unused = tools.filter(({ calls }) => calls === 0)
    if (unused.length === 0) return []
    if (unused.length === tools.length) return [`tg servers edit ${server} enabled=false`]
    const names = unused.map(({ tool }) => tool.slice(server.length + 1))
    return [`tg servers edit ${server} 'tools.exclude=[${names.join(', ')}]'`]
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
