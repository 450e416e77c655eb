import { html, type Html } from '../../domain/text/html.ts'
import { notice } from '../markup/parts.ts'
import { counted } from '../markup/values.ts'
import { text } from '../visit/reading.ts'
import type { Visit } from '../visit/visit.ts'
import { needsAttention, type ServerRow, serverPath } from './servers/server-row.ts'

/** A problem that may need an operator. */
interface Attention {
  readonly servers: readonly ServerRow[]
  /** Documents that are refused. */
  readonly quarantined: readonly Record<string, unknown>[]
  /** How many wait for approval. */
  readonly waiting: { readonly calls: number; readonly definitions: number }
}

const MAX_NAMED = 6

/** Problems that need an operator, one line each. */
export function attention({ servers, quarantined, waiting }: Attention, { look }: Visit): Html | undefined {
  const failing = servers.filter(needsAttention)
  const approvals = look.at('/dashboard/approvals')
  const lines = [
    ...failing.slice(0, MAX_NAMED).map((server) => failingLine(server, look)),
    ...quarantined
      .slice(0, MAX_NAMED)
      .map(({ name, reason }) =>
        notice(
          'busy',
          `The document ${text(name) ?? 'without a name'} is refused`,
          html`<p>${text(reason)}</p>`,
        ),
      ),
    Math.max(failing.length, quarantined.length) > MAX_NAMED &&
      notice('bad', html`<a href="${look.at('/dashboard/servers')}">More servers need attention</a>`),
    waiting.calls > 0 &&
      notice(
        'busy',
        html`<a href="${approvals}">${counted(waiting.calls, 'call')}</a>
          ${waiting.calls === 1 ? 'waits' : 'wait'} for approval`,
      ),
    waiting.definitions > 0 &&
      notice(
        'busy',
        html`<a href="${approvals}">${counted(waiting.definitions, 'definition')}</a> of tools
          ${waiting.definitions === 1 ? 'waits' : 'wait'} for approval`,
      ),
  ].filter((line) => line !== false)
  return lines.length === 0 ? undefined : html`<div class="alerts">${lines}</div>`
}

function failingLine(server: ServerRow, look: Visit['look']): Html {
  const { name, breaker, state: now, reason } = server
  const what =
    breaker === 'open' && now === 'ready'
      ? 'fails: its circuit breaker is open'
      : now === 'failed'
        ? 'has failed and is not started again'
        : 'has failed and is started again'
  return notice(
    'bad',
    html`<a href="${look.at(serverPath(server))}">${name}</a> ${what}`,
    reason && html`<p>${reason}</p>`,
  )
}
