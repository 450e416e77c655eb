/** Why a sign-in failed, in words for the person who wants to sign in. */
export class SignInError extends Error {
  override readonly name = 'SignInError'
}
