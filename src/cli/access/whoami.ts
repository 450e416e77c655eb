import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { ask, objectsIn } from '../client/rest-client.ts'

/** `whoami`: whom the gateway takes the token for. */
export function whoamiCommand(context: CliContext): Command {
  return withAddress(
    new Command('whoami').description('show who the token is for, and from which claim each role came'),
  ).action(async (options: AddressOptions) => {
    const answer = await ask(addressOf(options, context), 'GET', '/v1/whoami')
    context.print(
      options.json === true ? asJson(answer) : rowsFor(context, rowsOf(answer), ['WHAT', 'VALUE', 'CLAIM']),
    )
    for (const note of notesIn(answer)) context.printError(`${note}\n`)
  })
}

function rowsOf(answer: JsonObject): string[][] {
  const { tenantId, subject, agent, issuer, expiresAt } = answer
  return [
    ['tenant', String(tenantId), ''],
    ['subject', String(subject), 'sub'],
    ['agent', ...fromClaim(agent)],
    ...objectsIn(answer['roles']).map((role) => ['role', ...fromClaim(role)]),
    ...objectsIn(answer['scopes']).map((scope) => ['scope', ...fromClaim(scope)]),
    ['issuer', String(issuer), 'iss'],
    ['expires', String(expiresAt), 'exp'],
  ]
}

function fromClaim(value: unknown): [string, string] {
  if (!isJsonObject(value)) return ['', '']
  return [String(value['name']), typeof value['claim'] === 'string' ? value['claim'] : '']
}

function notesIn({ notes, unreadClaims }: JsonObject): string[] {
  const unread = objectsIn(unreadClaims).map(
    ({ claim, values }) => `not read: ${String(claim)} (${[values].flat().map(String).join(', ')})`,
  )
  return [...(Array.isArray(notes) ? notes.map(String) : []), ...unread]
}
