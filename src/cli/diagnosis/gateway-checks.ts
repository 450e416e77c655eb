import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { ask, type GatewayAddress, objectsIn } from '../client/rest-client.ts'
import { type Finding, fine, problem, warning } from './finding.ts'

const MAX_SKEW_MS = 5000
const ANSWER_MS = 10_000
const SOON_MS = 3_600_000
const WELL = new Set(['ready', 'stopped', 'pending'])

/** Whether a gateway answers, is ready, and has the same time; undefined if none answers. */
export async function gatewayChecks({ url }: GatewayAddress): Promise<Finding[] | undefined> {
  const sentAt = Date.now()
  const signal = AbortSignal.timeout(ANSWER_MS)
  const response = await fetch(`${url}/readyz`, { signal }).catch(() => undefined)
  if (response === undefined) return undefined
  const answer: unknown = await response.json().catch(() => undefined)
  if (!isJsonObject(answer) || typeof answer['status'] !== 'string')
    return [problem('gateway', `${url} is another program`, 'Give --url, or set PORT to another one.')]
  const missing = namesIn(answer['missing'])
  const stale = namesIn(answer['stale'])
  return [
    missing.length === 0
      ? fine('gateway', `${url} is ready`)
      : problem('gateway', `${url} waits for ${missing.join(', ')}`, 'See its log.'),
    ...stale.map((name) => warning('gateway', staleText(name), 'See its log.')),
    clockCheck(response, sentAt),
  ]
}

function staleText(name: string): string {
  return name === 'records'
    ? 'the store takes no usage records; they wait on the disk'
    : `what it knows of ${name} may be out of date`
}

/** Headers tell whole seconds. */
function clockCheck(response: Response, sentAt: number): Finding {
  const theirs = Date.parse(response.headers.get('date') ?? '')
  const skewMs = theirs - (sentAt + Date.now()) / 2
  if (!(Math.abs(skewMs) > MAX_SKEW_MS)) return fine('clock', 'this machine and the gateway agree')
  const text = `the gateway is ${Math.abs(Math.round(skewMs / 1000))} s ${skewMs > 0 ? 'ahead of' : 'behind'} this machine`
  return problem(
    'clock',
    text,
    'Set the clocks by NTP: tokens are refused that seem to come from the future.',
  )
}

/** Whether the token is accepted, and what is odd about it. */
export async function tokenCheck(address: GatewayAddress): Promise<Finding[]> {
  const answer = await askOrFailure(address, '/v1/whoami')
  if (answer instanceof CliError) return [problem('token', answer.message, 'See: tg token --help')]
  const { tenantId, subject, expiresAt } = answer
  const roles = objectsIn(answer['roles']).map(({ name }) => String(name))
  const leftMs = Date.parse(String(expiresAt)) - Date.now()
  return [
    roles.length === 0
      ? warning('token', `${String(subject)} of ${String(tenantId)} has no role`, 'See: tg whoami')
      : fine('token', `${String(subject)} of ${String(tenantId)} with ${roles.join(', ')}`),
    ...(leftMs < SOON_MS ? [fine('token', `it expires at ${String(expiresAt)}`)] : []),
    ...namesIn(answer['notes']).map((note) => warning('token', note, 'Correct the issuer, or CLAIM_ROLES.')),
  ]
}

async function askOrFailure(address: GatewayAddress, path: string): Promise<JsonObject | CliError> {
  return await ask(address, 'GET', path).catch((error: unknown) => {
    if (error instanceof CliError) return error
    throw error
  })
}

/** How the servers do, for operators. */
export async function serverChecks(address: GatewayAddress): Promise<Finding[]> {
  const answer = await askOrFailure(address, '/v1/servers')
  if (answer instanceof CliError) {
    const [why = ''] = answer.message.split('\n')
    return [warning('servers', `not checked: ${why}`, 'Give the token of an operator.')]
  }
  const servers = objectsIn(answer['servers'])
  const unwell = servers.filter(({ state }) => !WELL.has(String(state)))
  const refused = objectsIn(answer['quarantined'])
  return [
    ...(unwell.length + refused.length === 0
      ? [fine('servers', `${servers.length} of ${servers.length} are well`)]
      : []),
    ...unwell.map(serverProblem),
    ...refused.map(({ name, reason }) =>
      problem(
        'servers',
        `${String(name)} was refused: ${String(reason)}`,
        `Correct it: tg servers edit ${String(name)}`,
      ),
    ),
  ]
}

function serverProblem({ name, state, reason }: JsonObject): Finding {
  const why = typeof reason === 'string' ? `: ${reason}` : ''
  return problem(
    'servers',
    `${String(name)} is ${String(state)}${why}`,
    `Look at it: tg servers inspect ${String(name)}`,
  )
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
