import { messageOf } from '../../domain/errors/errors.ts'
import { registrationWays, serverMetadata, signedIn } from './authorization-hops.ts'
import type { ClientHabits } from './clients.ts'
import { ExchangeRecord } from './exchange-record.ts'
import { type Hop, HopFailure, type HopResult } from './hop.ts'
import { opened, tools } from './mcp-hops.ts'
import { firstAnswer, resourceMetadata } from './resource-hops.ts'
import { patientFetch } from '../sign-in/patient-fetch.ts'

interface WalkOptions {
  readonly url: URL
  readonly habits: ClientHabits | undefined
  readonly token: string | undefined
  readonly clientId: string | undefined
  readonly signInTimeoutMs: number
  readonly open: (url: URL) => void
}

const ANSWER_MS = 15_000

/** Walks from an address to its tools, the way a client does, until a step fails. */
export async function* walk(options: WalkOptions): AsyncGenerator<Hop> {
  const { url, habits, clientId } = options
  const record = new ExchangeRecord({ fetch: patientFetch, timeoutMs: ANSWER_MS })
  const hops: Hop[] = []
  const step = async <T>(name: string, run: () => Promise<[HopResult, T]>): Promise<T> => {
    try {
      const [{ finding, advice, isSkipped }, value] = await run()
      const status = isSkipped === true ? 'skipped' : advice === undefined ? 'ok' : 'warning'
      hops.push({ name, status, finding, ...(advice !== undefined && { advice }), exchanges: record.taken() })
      return value
    } catch (error) {
      const advice =
        error instanceof HopFailure ? error.advice : 'This is a defect of the command, please report it.'
      hops.push({ name, status: 'failed', finding: messageOf(error), advice, exchanges: record.taken() })
      throw error
    }
  }
  try {
    const first = await step('address', () => firstAnswer(url, record, habits))
    yield* hops.splice(0)
    let { token } = options
    if (first.needsToken) {
      const { metadataUrl } = first
      // Who has a token needs none of what follows, so that nothing of it is an error then.
      const [issuer] = await step('resource metadata', () =>
        leniently(token, () => resourceMetadata(url, record, metadataUrl), []),
      )
      yield* hops.splice(0)
      if (issuer !== undefined) {
        const metadata = await step('authorization server', () =>
          leniently(token, () => serverMetadata(issuer, record), {}),
        )
        yield* hops.splice(0)
        await step('registration', () =>
          leniently(
            token,
            () => Promise.resolve([registrationWays(metadata, clientId), undefined]),
            undefined,
          ),
        )
        yield* hops.splice(0)
      }
      const { open, signInTimeoutMs: timeoutMs } = options
      token = await step('token', () =>
        token === undefined
          ? signedIn(url, record, { metadataUrl, clientId, timeoutMs, open })
          : Promise.resolve([{ finding: 'the token of --token', isSkipped: true }, token]),
      )
      yield* hops.splice(0)
    }
    const conversation = await step('initialize', () => opened(url, record, token))
    yield* hops.splice(0)
    await step('tools/list', async () => [await tools(url, record, conversation), undefined])
    yield* hops.splice(0)
  } catch {
    yield* hops.splice(0)
  }
}

/** With a token a failure is a warning: the client that sends it does not look there. */
async function leniently<T>(
  token: string | undefined,
  run: () => Promise<[HopResult, T]>,
  otherwise: T,
): Promise<[HopResult, T]> {
  try {
    return await run()
  } catch (error) {
    if (token === undefined || !(error instanceof HopFailure)) throw error
    return [{ finding: error.message, advice: error.advice }, otherwise]
  }
}
