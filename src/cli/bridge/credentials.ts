import { readFile } from 'node:fs/promises'
import { messageOf } from '../../domain/errors/errors.ts'
import { SignInError } from '../sign-in/sign-in-error.ts'

/** Where the token of requests comes from. */
export interface Credentials {
  /** The token to send; undefined for none. */
  token(): Promise<string | undefined>
  /**
   * Gets another token after a response said that `refused` is not enough.
   * @throws SignInError when there is no other
   */
  renew(refused: string | undefined, response: Response): Promise<void>
}

/** The token in a file, which may change while the bridge runs. */
export function tokenInFile(path: string): Credentials {
  const token = async (): Promise<string> => {
    try {
      return (await readFile(path, 'utf8')).trim()
    } catch (error) {
      throw new SignInError(`the file of the token cannot be read: ${messageOf(error)}`, { cause: error })
    }
  }
  return {
    token,
    renew: async (refused, response) => {
      if ((await token()) === refused)
        throw new SignInError(`the server refuses the token in ${path}${reasonIn(response)}`)
    },
  }
}

/** Credentials that are in a header that the person gives. */
export const headerOnly: Credentials = {
  token: () => Promise.resolve(undefined),
  renew: (_refused, response) =>
    Promise.reject(new SignInError(`the server refuses the Authorization of --header${reasonIn(response)}`)),
}

function reasonIn(response: Response): string {
  const challenge = response.headers.get('www-authenticate')?.slice(0, 2000) ?? ''
  const reason = /error_description="([^"]{1,300})"/.exec(challenge)?.[1]
  return reason === undefined ? '' : `: ${reason}`
}
