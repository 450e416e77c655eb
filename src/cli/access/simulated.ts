import type { JsonObject } from '../../domain/json/json.ts'
import { CLI_EXIT } from '../cli-error.ts'
import { asJson, type CliContext } from '../context.ts'
import { ask, type GatewayAddress, objectsIn } from '../client/rest-client.ts'
import { simulationText } from './simulation-text.ts'

/** The description of `--dry-run` of commands that write servers. */
export const DRY_RUN = 'save nothing: show who would gain or lose which tools; exits with 1 if a caller would'

/** Prints what changes of servers would do. @returns the exit code */
export async function simulated(
  address: GatewayAddress,
  changes: readonly JsonObject[],
  { json }: { readonly json?: boolean },
  { print }: CliContext,
): Promise<number> {
  const answer = await ask(address, 'POST', '/v1/access:simulate', { changes: [...changes] })
  print(json === true ? asJson(answer) : simulationText(answer))
  const { roles, agents, sessions } = answer
  const isDifferent = [roles, agents, sessions].some((each) => objectsIn(each).length > 0)
  return isDifferent ? CLI_EXIT.differs : CLI_EXIT.ok
}
