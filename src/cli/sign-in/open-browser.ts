import { spawn } from 'node:child_process'
import { isLoopback } from '../../domain/loopback.ts'
import { SignInError } from './sign-in-error.ts'

const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/**
 * Opens an address in the browser of this user: the program that `BROWSER` names, else that of the desktop. No shell
 * sees the address, which somebody else wrote. Says nothing of whether there is a browser.
 */
export function openBrowser(url: URL, env: NodeJS.ProcessEnv): void {
  const [command = 'xdg-open', ...args] = env['BROWSER']
    ? [env['BROWSER']]
    : (OPENERS[process.platform] ?? ['xdg-open'])
  const child = spawn(command, [...args, url.href], { stdio: 'ignore', detached: true, shell: false, env })
  child.on('error', () => undefined)
  child.unref()
}

/**
 * Refuses an address that a browser must not be sent to: a page of the web only, and without encryption only of this
 * machine.
 * @throws SignInError
 */
export function checkAuthorizationUrl(url: URL): void {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return
  throw new SignInError(
    `the authorization server wants the browser at ${url.protocol}//${url.host}, which is not https`,
  )
}
