import { Argument, Command } from 'commander'
import type { CliContext } from './context.ts'

const SHELLS = ['bash', 'zsh', 'fish'] as const

/** `completion SHELL`: a script that completes commands and options. */
export function completionCommand({ print }: CliContext, program: () => Command): Command {
  return new Command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices([...SHELLS]))
    .addHelpText('after', '\nFor example: source <(tool-gateway completion bash)')
    .action((shell: (typeof SHELLS)[number]) => print(scriptFor(shell, wordsOf(program()))))
}

/** What may follow each command, by its words. */
type Words = readonly (readonly [command: string, following: readonly string[]])[]

function wordsOf(command: Command, path: readonly string[] = []): Words {
  const options = command.options.flatMap(({ long }) => long ?? [])
  const names = command.commands.map((child) => child.name())
  const own = [path.join(' '), [...names, ...options, '--help']] as const
  return [own, ...command.commands.flatMap((child) => wordsOf(child, [...path, child.name()]))]
}

function scriptFor(shell: (typeof SHELLS)[number], words: Words): string {
  if (shell === 'fish') return fishScript(words)
  const bashed = bashScript(words)
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bashed}` : bashed
}

function bashScript(words: Words): string {
  const cases = words.map(([command, following]) => `    '${command}') following='${following.join(' ')}' ;;`)
  return `_tool_gateway() {
  local word command='' following=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) command="\${command:+$command }$word" ;; esac
  done
  while :; do
    case "$command" in
${cases.join('\n')}
    *) case "$command" in *' '*) command="\${command% *}"; continue ;; *) command=''; continue ;; esac ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$following" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tool_gateway tool-gateway tg
`
}

function fishScript(words: Words): string {
  const lines = words.flatMap(([command, following]) => {
    const parts = command.split(' ').filter((part) => part !== '')
    const condition =
      parts.length === 0
        ? '__fish_use_subcommand'
        : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ')
    return following.map(
      (word) =>
        `complete -c tool-gateway -n '${condition}' ${word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`}`,
    )
  })
  return `${lines.join('\n')}\n`
}
