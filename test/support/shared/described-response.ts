import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { openapiDocument } from '../../../src/rest/openapi/document.ts'
import { OPERATIONS, operationsAt } from '../../../src/rest/openapi/operations.ts'

/** A response as far as the document of the API describes it. */
export interface SeenResponse {
  readonly method: string
  /** With or without query. */
  readonly path: string
  readonly status: number
  readonly contentType: string
  readonly body: unknown
}

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false })
ajv.addSchema(openapiDocument(OPERATIONS, { publicUrl: 'http://x', isStrict: true }), 'api')
const compiled = new Map<string, ValidateFunction>()

/** @throws Error if the document of the API does not describe a JSON response of one of its operations */
export function checkDescribed({ method, path, status, contentType, body }: SeenResponse): void {
  const pathname = path.replace(/\?.*$/s, '')
  const operation = operationsAt(pathname).find((each) => each.method === method.toLowerCase())
  if (operation === undefined || !contentType.includes('json')) return
  const isProblem = contentType.includes('problem+json')
  const described = operation.answers[status]
  if (!isProblem && described === undefined)
    throw new Error(`${method} ${pathname} answered ${status}, which ${operation.id} does not describe`)
  const place = isProblem
    ? 'components/schemas/Problem'
    : `paths/${pointer(operation.path)}/${operation.method}/responses/${status}/content/application~1json/schema`
  if (!isProblem && described?.schema === undefined) return
  const validate = compiled.get(place) ?? ajv.compile({ $ref: `api#/${place}` })
  compiled.set(place, validate)
  if (validate(body)) return
  throw new Error(
    `${method} ${pathname}: the response ${status} is not what ${operation.id} describes: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(body).slice(0, 500)}`,
  )
}

function pointer(path: string): string {
  return encodeURIComponent(path.replaceAll('~', '~0').replaceAll('/', '~1'))
}
