import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { textOfFile } from '../input/file-text.ts'
import { claimsOf } from '../client/token-advice.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, listOf, withAddress } from '../context.ts'
import { ask, objectsIn } from '../client/rest-client.ts'

interface ExplainOptions extends AddressOptions {
  readonly tool?: string
  readonly prompt?: string
  readonly resource?: string
  readonly server?: string
  readonly tenant?: string
  readonly subject?: string
  readonly agent?: string
  readonly roles?: string[]
  readonly scopes?: string[]
  readonly tokenOf?: string
}

/** `access explain`: why a caller may or may not use something. */
export function explainCommand(context: CliContext): Command {
  const command = new Command('explain')
    .description('explain why a caller may or may not use a tool, prompt, resource or server')
    .option('--tool <name>', 'a tool, as `tools list` shows it')
    .option('--prompt <name>', 'a prompt')
    .option('--resource <uri>', 'a resource of --server')
    .option('--server <name>', 'a server')
    .option('--tenant <id>', 'tenant of the caller (default: that of the token)')
    .option('--subject <name>', 'subject of the caller')
    .option('--agent <name>', 'agent of the caller')
    .option('--roles <list>', 'roles of the caller, separated by commas', listOf)
    .option('--scopes <list>', 'scopes of the caller, separated by commas', listOf)
    .option('--token-of <file>', 'a file with the token of the caller; only its claims are sent')
  return withAddress(command)
    .addHelpText(
      'after',
      `
Without a caller the question is about the token itself. Asking about others needs the role operator.
Exit codes: 0 a call would succeed; 1 it would not; 2 no gateway answers; 77 the token does not allow it.`,
    )
    .action(async (options: ExplainOptions) => {
      const principal = await principalIn(options)
      const { tool, prompt, resource, server } = options
      const body = { tool, prompt, resource, server, ...(principal !== undefined && { principal }) }
      const answer = await ask(addressOf(options, context), 'POST', '/v1/access:explain', body)
      context.print(options.json === true ? asJson(answer) : textOf(answer))
      if (answer['callable'] !== true) throw new CliError('failed', 'a call would not succeed')
    })
}

async function principalIn(options: ExplainOptions): Promise<JsonObject | undefined> {
  const { tenant, subject, agent, roles, scopes, tokenOf } = options
  if (tokenOf !== undefined) return { claims: await claimsInFile(tokenOf) }
  const isGiven = [tenant, subject, agent, roles, scopes].some((part) => part !== undefined)
  return isGiven ? { tenantId: tenant, subject, agent, roles, scopes } : undefined
}

async function claimsInFile(path: string): Promise<JsonObject> {
  const claims = claimsOf((await textOfFile(path)).trim())
  if (Object.keys(claims).length === 0) throw new CliError('data', `${path} does not have a JWT`)
  return claims
}

function textOf({ effect, ruleId, callable, reason, whoCan, ...answer }: JsonObject): string {
  const verdict = effect === 'allow' ? 'allowed' : `denied by ${String(ruleId)}`
  const blocked = effect === 'allow' && callable !== true ? ', but a call would not succeed' : ''
  const obstacles = objectsIn(answer['obstacles'])
  const remedies = [...textsIn(answer['remedies']), ...obstacles.flatMap((each) => textsIn(each['remedies']))]
  return [
    `${verdict}${blocked}`,
    isJsonObject(reason) ? String(reason['text']) : '',
    ...obstacles.map(({ text }) => String(text)),
    ...section('What would change it:', remedies),
    ...(isJsonObject(whoCan) ? section('Who can use it:', [String(whoCan['text'])]) : []),
    ...section('Names near it:', textsIn(answer['suggestions'])),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)]
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
