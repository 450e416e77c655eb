import { homedir } from 'node:os'
import {
  CLIENT_FORMATS,
  type ClientFormat,
  type ClientPlaces,
} from '../../registry/clients/client-formats.ts'
import { nearNames } from '../../domain/text/near-names.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'

/** Where the files of clients are for the person at the command line. */
export function placesOf({ env }: Pick<CliContext, 'env'>): ClientPlaces {
  return { home: env['HOME'] ?? homedir(), platform: process.platform, env, project: process.cwd() }
}

/** The client of that id. @throws CliError `usage` with the clients that there are */
export function clientNamed(id: string): ClientFormat {
  const found = CLIENT_FORMATS.find((format) => format.id === id)
  if (found !== undefined) return found
  const ids = CLIENT_FORMATS.map((format) => format.id)
  const [near] = nearNames(id, ids)
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`
  throw new CliError('usage', `unknown client ${id}${hint}; known are ${ids.join(', ')}`)
}
