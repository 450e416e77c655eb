import { run } from '../../src/cli/program.ts'

export interface CommandResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs `tg` commands in this process against one gateway as one caller. */
export function commandLine(
  url: string,
  token: string,
  confirm?: (question: string) => Promise<boolean>,
): (...argv: string[]) => Promise<CommandResult> {
  return async (...argv) => {
    let out = ''
    let err = ''
    const code = await run(argv, {
      env: { TOOL_GATEWAY_URL: url, TOOL_GATEWAY_TOKEN: token },
      print: (text) => void (out += text),
      printError: (text) => void (err += text),
      ...(confirm !== undefined && { confirm }),
    })
    return { code, out, err }
  }
}
