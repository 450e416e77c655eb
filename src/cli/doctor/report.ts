import type { Exchange } from './exchange-record.ts'
import type { Hop } from './hop.ts'

const MARKS = { ok: '✓', warning: '!', failed: '✗', skipped: '–' } as const

/** A hop as text. Its exchanges are shown where something is wrong, or all. */
export function hopText(hop: Hop, showsAll: boolean): string {
  const { name, status, finding, advice, exchanges } = hop
  const lines = [`${MARKS[status]} ${name}: ${finding}`]
  if (showsAll || status === 'failed') lines.push(...exchanges.flatMap(exchangeLines))
  if (advice !== undefined) lines.push(`  → ${advice}`)
  return `${lines.join('\n')}\n`
}

function exchangeLines({ request, answer }: Exchange): string[] {
  const sent = [`    > ${request.method} ${request.url}`, ...headerLines('>', request.headers)]
  if (request.body !== undefined) sent.push(`    > ${request.body}`)
  if ('error' in answer) return [...sent, `    < no answer: ${answer.error}`]
  const got = [`    < status ${answer.status}`, ...headerLines('<', answer.headers)]
  return [
    ...sent,
    ...got,
    ...(answer.body === '' ? [] : [`    < ${answer.body.trim().replaceAll('\n', '\n    < ')}`]),
  ]
}

function headerLines(mark: string, headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).map(([name, value]) => `    ${mark} ${name}: ${value}`)
}
