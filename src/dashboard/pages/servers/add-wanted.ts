import type { Html } from '../../../domain/text/html.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import type { Visit } from '../../visit/visit.ts'
import { addedEffect } from './effect.ts'
import { documentOf, type Wanted } from './new-server.ts'
import { serverPath } from './server-row.ts'

/** Adds a server that a form describes, or says what adding it would do, whichever its button asks for. */
export async function addWanted(
  { rest, form }: Visit,
  wanted: Wanted,
): Promise<{ readonly to: string } | { readonly said: Html }> {
  try {
    if (form.get('action') === 'check') {
      const document = documentOf(wanted)
      return {
        said: addedEffect(await rest.post('/v1/access:simulate', { changes: [{ document }] }), document),
      }
    }
    const added = await rest.post(wanted.path, wanted.body)
    return { to: serverPath({ name: String(added['name']), isForAll: added['tenantId'] === '*' }) }
  } catch (error) {
    return { said: problemNotice(error) }
  }
}
