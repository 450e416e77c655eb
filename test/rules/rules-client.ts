import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'

const PROJECT = 'demo-rules'
const RULES = join(import.meta.dirname, '../../firestore.rules')
export const PERMITTED = 200
export const DENIED = 403

let host = ''

type Fields = Readonly<Record<string, unknown>>

/** A token as the emulator takes it: unsigned. */
export function tokenOf(claims: Fields): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const payload = {
    iss: `https://securetoken.google.com/${PROJECT}`,
    aud: PROJECT,
    sub: 'somebody',
    user_id: 'somebody',
    iat: 0,
    auth_time: 0,
    exp: 4_000_000_000,
    firebase: { sign_in_provider: 'custom', identities: {} },
    ...claims,
  }
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(payload)}.`
}

function valueOf(value: unknown): Fields {
  if (typeof value === 'boolean') return { booleanValue: value }
  if (typeof value === 'number') return { integerValue: String(value) }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(valueOf) } }
  if (typeof value === 'object' && value !== null) return { mapValue: { fields: fieldsOf(value) } }
  return { stringValue: String(value) }
}

function fieldsOf(document: object): Fields {
  return Object.fromEntries(Object.entries(document).map(([field, value]) => [field, valueOf(value)]))
}

async function send(
  method: string,
  path: string,
  token: string | undefined,
  body?: unknown,
): Promise<number> {
  const response = await fetch(`http://${host}/v1/projects/${PROJECT}/databases/(default)/documents${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  await response.text()
  return response.status
}

export const get = (path: string, token: string | undefined): Promise<number> => send('GET', path, token)
export const remove = (path: string, token: string | undefined): Promise<number> =>
  send('DELETE', path, token)
export const replace = (path: string, token: string | undefined, document: object): Promise<number> =>
  send('PATCH', path, token, { fields: fieldsOf(document) })
let created = 0
export function create(collection: string, token: string | undefined, document: object): Promise<number> {
  created += 1
  return send('POST', `/${collection}?documentId=new-${created}`, token, { fields: fieldsOf(document) })
}

/** Asks for the documents of a collection, of one tenant unless it is undefined. */
export function list(collection: string, token: string | undefined, tenantId?: string): Promise<number> {
  const where = {
    fieldFilter: { field: { fieldPath: 'tenantId' }, op: 'EQUAL', value: { stringValue: tenantId } },
  }
  return send('POST', ':runQuery', token, {
    structuredQuery: { from: [{ collectionId: collection }], ...(tenantId !== undefined && { where }) },
  })
}

/** Writes a document past the rules. */
export async function seed(path: string, document: object): Promise<void> {
  const status = await replace(path, 'owner', document)
  if (status !== PERMITTED) throw new Error(`${path} was not written: ${status}`)
}

/** Starts an emulator with firestore.rules. @throws Error when they do not compile, which would deny everything */
export async function startWithRules(): Promise<FirestoreEmulator> {
  const emulator = await startFirestoreEmulator({ rules: RULES })
  host = emulator.host
  const compiled = await fetch(`http://${host}/emulator/v1/projects/${PROJECT}:securityRules`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      rules: { files: [{ name: 'firestore.rules', content: readFileSync(RULES, 'utf8') }] },
    }),
  })
  if (!compiled.ok) {
    await emulator.stop()
    throw new Error(await compiled.text())
  }
  return emulator
}
