import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { ask, objectsIn } from '../client/rest-client.ts'

interface ListOptions extends AddressOptions {
  readonly all?: boolean
}

interface AnswerOptions extends AddressOptions {
  readonly reason?: string
  readonly yes?: boolean
}

const EXIT_CODES = `Exit codes: 0 done; 1 not found, or answered already; 2 no gateway answers; 77 the token does not allow it.`

/** `approvals list`, `show`, `approve` and `deny`. */
export function approvalsCommand(context: CliContext): Command {
  return new Command('approvals')
    .description('show and answer the calls that wait for approval')
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(answerCommand('approve', context))
    .addCommand(answerCommand('deny', context))
}

function listCommand(context: CliContext): Command {
  return withAddress(
    new Command('list')
      .description('list the calls that wait for approval: yours, or those of the tenant (approvers)')
      .option('--all', 'also those that were answered lately'),
  ).action(async (options: ListOptions) => {
    const query = options.all === true ? '?status=all' : ''
    const answer = await ask(addressOf(options, context), 'GET', `/v1/approvals${query}`)
    const approvals = objectsIn(answer['approvals'])
    if (approvals.length === 0) context.printError('no call waits for approval\n')
    const header = ['APPROVAL', 'STATE', 'SERVER', 'TOOL', 'FOR', 'AGENT', 'ASKED']
    context.print(options.json === true ? asJson(answer) : rowsFor(context, approvals.map(rowOf), header))
  })
}

function showCommand(context: CliContext): Command {
  return withAddress(
    new Command('show')
      .description('show a call that waits for approval, with its arguments')
      .argument('<approval>', 'the request, as `approvals list` shows it'),
  ).action(async (id: string, options: AddressOptions) => {
    const request = await ask(addressOf(options, context), 'GET', pathOf(id))
    context.print(options.json === true ? asJson(request) : textOf(request, context))
  })
}

function answerCommand(answer: 'approve' | 'deny', context: CliContext): Command {
  const command = new Command(answer)
    .description(
      answer === 'approve'
        ? 'approve a call, which can then be made once'
        : 'deny a call, and equal ones for a while',
    )
    .argument('<approval>', 'the request, as `approvals list` shows it')
    .option('--reason <text>', 'for the caller and the record')
  if (answer === 'approve') command.option('--yes', 'do not ask for confirmation')
  return withAddress(command)
    .addHelpText('after', `\n${EXIT_CODES}`)
    .action(async (id: string, options: AnswerOptions) => {
      const address = addressOf(options, context)
      if (answer === 'approve' && options.yes !== true)
        await confirmed(await ask(address, 'GET', pathOf(id)), context)
      const { reason } = options
      const answered = await ask(address, 'POST', `${pathOf(id)}/${answer}`, {
        ...(reason !== undefined && { reason }),
      })
      context.print(options.json === true ? asJson(answered) : `${String(answered['status'])} ${id}\n`)
    })
}

/** Shows what the call would do, and asks. @throws CliError unless the answer is yes */
async function confirmed(request: JsonObject, context: CliContext): Promise<void> {
  const { confirm } = context
  if (confirm === undefined)
    throw new CliError('usage', 'cannot ask for confirmation without a terminal: use --yes')
  context.printError(textOf(request, context))
  if (!(await confirm('Approve this call?'))) throw new CliError('failed', 'nothing was approved')
}

function textOf(request: JsonObject, context: CliContext): string {
  const { id, status, server, tool, rule, requester, expiresAt, answer, url, readableArguments } = request
  const { subject, agent, client } = isJsonObject(requester) ? requester : {}
  const answered = isJsonObject(answer) ? `by ${String(answer['by'])} at ${String(answer['at'])}` : ''
  const facts = {
    approval: id,
    state: `${String(status)} ${answered}`.trim(),
    tool,
    server,
    for: subject,
    agent,
    program: client,
    needs: rule === 'caller' ? 'that person, or an approver' : 'a second person, who is an approver',
    until: expiresAt,
    page: url,
  }
  const rows = Object.entries(facts).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value]] : [],
  )
  return `${rowsFor(context, rows)}${String(readableArguments)}\n`
}

function rowOf({ id, status, server, tool, requester, createdAt }: JsonObject): string[] {
  const { subject, agent } = isJsonObject(requester) ? requester : {}
  return [id, status, server, tool, subject, agent ?? '', createdAt].map(String)
}

function pathOf(id: string): string {
  return `/v1/approvals/${encodeURIComponent(id)}`
}
