/** Longer than any line that is shown, and short enough to look at. */
const LOOKED_AT = 400
const MAX_LINES = 200
/** What tools print around their reason, and frames of stacks. */
const ABOUT_THE_RUN = [
  /^npm (?:error|ERR!) (?:A complete log of this run|code |errno |syscall |path |404 *$|404 +(?:Note|\s))/,
  /^npm (?:notice|warn|WARN)/,
  /^(?:npm (?:error|ERR!)|error:?|\^+)$/,
  /^(?:\s+at |goroutine |exit status |note: run with|Node\.js v\d|See '|Run '|\s*File "|Traceback|\[notice\])/,
  /^\s*[\])}]+[,;]?$/,
  /^\s+(?:code|errno|syscall|path|requireStack|spawnargs): /,
]
const NPM_REASON = /^npm (?:error|ERR!) \S/
const NAMES_AN_ERROR = /\b(?:\w{0,60}(?:Error|Exception)|error|fatal|panic(?:ked)?|ERR|FATAL|ERROR|PANIC)\b|×/

/**
 * The line of a program's output that best explains its failure: npm's reason, else the last line that names an error,
 * else the last line that is neither a stack frame nor a remark about the run.
 */
export function tellingLine(lines: readonly string[]): string | undefined {
  const said = lines.slice(-MAX_LINES).filter((line) => line.trim() !== '')
  const telling = said.filter((line) => !isAboutTheRun(line.slice(0, LOOKED_AT)))
  const reason = telling.find((line) => NPM_REASON.test(line.slice(0, LOOKED_AT)))
  const error = telling.findLast((line) => NAMES_AN_ERROR.test(line.slice(0, LOOKED_AT)))
  return reason ?? error ?? telling.at(-1) ?? said.at(-1)
}

function isAboutTheRun(line: string): boolean {
  return ABOUT_THE_RUN.some((pattern) => pattern.test(line))
}
