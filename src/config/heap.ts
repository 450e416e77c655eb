import { setFlagsFromString } from 'node:v8'

/**
 * Has V8 make every object among the young ones. It notes which code makes objects that stay, and makes those among the old
 * ones at once; the code that makes the response of an event stream, which stays open for hours, makes all other responses,
 * too. What a request needs would be old from the start then, and keep what is young alive until the next full collection.
 * Call it before modules are loaded: a compile cache has different folders for different flags.
 */
export function keepRequestsYoung({ NODE_COMPILE_CACHE: opened }: NodeJS.ProcessEnv): void {
  // Node has opened that cache before, and would take nothing from it any more.
  if (opened === undefined) setFlagsFromString('--no-allocation-site-pretenuring')
}
