import type { JsonObject } from '../../domain/json/json.ts'
import { objectsIn } from '../client/rest-client.ts'

const MAX_SHOWN = 12

/** What a simulation found, for people. */
export function simulationText(answer: JsonObject): string {
  const lines = [
    ...objectsIn(answer['documents']).map(documentLine),
    ...objectsIn(answer['roles']).flatMap((each) => changeLines(`role ${named(each['role'])}`, each)),
    ...objectsIn(answer['agents']).flatMap((each) => changeLines(`agent ${named(each['agent'])}`, each)),
    ...objectsIn(answer['sessions']).flatMap(sessionLines),
  ]
  const affected = objectsIn(answer['sessions']).length + Number(answer['sessionsLeftOut'] ?? 0)
  const notCompared = ['roles', 'agents'].flatMap((what) => {
    const count = Number(answer[`${what}LeftOut`] ?? 0)
    return count === 0 ? [] : [`${count} more ${what} were not compared`]
  })
  return [
    ...lines,
    ...notCompared,
    `${affected} live ${affected === 1 ? 'session changes' : 'sessions change'}`,
  ]
    .map((line) => `${line}\n`)
    .join('')
}

function documentLine({ document, change, fields, toolsUnknown }: JsonObject): string {
  const what = textsIn(fields).join(', ')
  const unknown = toolsUnknown === true ? ' (its tools are not known yet)' : ''
  return `${String(document)}: ${change === 'none' ? 'no change' : String(change)}${what === '' ? '' : ` ${what}`}${unknown}`
}

function sessionLines(session: JsonObject): string[] {
  const { id, subject, agent, transport, pending } = session
  const who = `session ${String(id)} (${String(subject)}${typeof agent === 'string' ? `, agent ${agent}` : ''}, ${String(transport)})`
  const waiting = textsIn(pending)
  const changes = changeLines(who, session)
  if (waiting.length > 0) changes.push(`${who} gains the tools of ${waiting.join(', ')}`)
  return changes.length > 0
    ? changes
    : [`${who} is told of changes in ${textsIn(session['lists']).join(', ')}`]
}

function changeLines(who: string, { gained, lost }: JsonObject): string[] {
  return [
    ...(textsIn(gained).length === 0 ? [] : [`${who} gains ${someOf(textsIn(gained))}`]),
    ...(textsIn(lost).length === 0 ? [] : [`${who} loses ${someOf(textsIn(lost))}`]),
  ]
}

function someOf(names: readonly string[]): string {
  const rest = names.length - MAX_SHOWN
  return `${names.slice(0, MAX_SHOWN).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

function named(value: unknown): string {
  return typeof value === 'string' ? value : '(none)'
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
