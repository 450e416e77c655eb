import { readFile } from 'node:fs/promises'
import { messageOf } from '../../domain/errors/errors.ts'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { CredentialsFile } from '../sign-in/credentials-file.ts'
import type { ClientIdentity } from '../sign-in/oauth-client.ts'
import { openBrowser } from '../sign-in/open-browser.ts'
import { patientFetch } from '../sign-in/patient-fetch.ts'
import { SignIn } from '../sign-in/sign-in.ts'
import type { ConnectOptions } from './connect-options.ts'
import { type Credentials, headerOnly, tokenInFile } from './credentials.ts'
import { HttpExchange } from './http-exchange.ts'
import { Remote } from './remote.ts'
import { carryLines, lineOutput, pacedFetch } from './run-bridge.ts'

/** Less than clients wait for a process to end before they kill it. */
const LAST_RESPONSES_MS = 1500

/**
 * Carries the messages of the client at standard input and output until it ends, or a signal does. A sign-in that waits
 * for the person goes on to its end even if the client has gone, so that the next start finds it done.
 */
export async function connect(url: URL, options: ConnectOptions, context: CliContext): Promise<void> {
  const say = (text: string): void => context.printError(`tool-gateway: ${text}\n`)
  const file = new CredentialsFile(url, context.env)
  if (options.signOut === true) {
    await file.remove()
    say(`The sign-in at ${url.host} is forgotten.`)
    return
  }
  // The SDK warns in its own words of what is said here, too.
  Object.assign(console, { warn: () => undefined })
  const signIn = await signInAt(url, { file, options, context, say })
  const credentials = credentialsOf(options, signIn)
  const { header: headers } = options
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const output = lineOutput(process.stdout, end)
  const fetch = pacedFetch(patientFetch, output)
  const exchange = new HttpExchange({ url, headers, credentials, fetch, say })
  const remote = new Remote({ exchange, host: url.host, emit: output.emit, say })
  process.once('SIGINT', end).once('SIGTERM', end).once('SIGHUP', end)
  const client = carryLines(process.stdin, remote, output)
    .then(() => signIn.settled())
    .then(() => remote.settled(LAST_RESPONSES_MS))
  await Promise.race([client, ended])
  process.stdin.destroy()
  await remote.close()
}

async function signInAt(
  server: URL,
  given: {
    readonly file: CredentialsFile
    readonly options: ConnectOptions
    readonly context: CliContext
    readonly say: (text: string) => void
  },
): Promise<SignIn> {
  const { file, options, context, say } = given
  const open = (url: URL): void => {
    if (options.browser) openBrowser(url, context.env)
  }
  return new SignIn({
    server,
    file,
    identity: await identityIn(options),
    scope: options.scope,
    port: options.callbackPort,
    timeoutMs: options.signInTimeout * 1000,
    open,
    say,
  })
}

function credentialsOf(options: ConnectOptions, signIn: SignIn): Credentials {
  if (options.tokenFile !== undefined) return tokenInFile(options.tokenFile)
  return options.header['authorization'] === undefined ? signIn : headerOnly
}

async function identityIn(options: ConnectOptions): Promise<ClientIdentity> {
  const { clientId, clientSecretFile, clientMetadataUrl } = options
  if (clientSecretFile === undefined) return { clientId, clientMetadataUrl }
  try {
    return { clientId, clientMetadataUrl, clientSecret: (await readFile(clientSecretFile, 'utf8')).trim() }
  } catch (error) {
    throw new CliError('usage', `--client-secret-file: ${messageOf(error)}`)
  }
}
